//! Write your own transport: nodes of one machine over Unix sockets, checked by the conformance suite.
//!
//! `cargo run -p nocturne-examples --example own_transport`
//!
//! A node listens on a socket file that is named after its identity. A connection is one socket, on
//! which both ends prove who they are and later say why they close; each stream is a socket of its
//! own that names its connection. The kernel does the flow control.

mod connection;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use anyhow::Context;
use connection::UnixConnection;
use nocturne_core::{AuthorId, Entropy, Genesis, Identity, Signature, StoreId};
use nocturne_net::conformance;
use nocturne_net::driver::{SyncOptions, serve_connection, sync_once};
use nocturne_net::transport::{
    BoxFuture, CloseReason, ConnectError, Connection, PeerAddr, Transport,
};
use nocturne_store::{Medium, Store, StoreHandle, StoreOptions, SystemEntropy};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Mutex as AsyncMutex, mpsc};
use tokio::task::AbortHandle;
use tokio::time::timeout;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let mut entropy = SystemEntropy::new()?;
    let [alice, bob, mallory] = [(); 3].map(|()| Identity::generate(&mut entropy));
    let listen = |me| UnixTransport::listen(folder.path(), me);
    let (alice, bob, mallory) = (listen(alice)?, listen(bob)?, listen(mallory)?);

    timeout(Duration::from_mins(1), conformance::all(&alice, &bob)).await??;
    println!("the transport passes the conformance suite");

    // What passes the suite carries sync sessions.
    let genesis = Genesis::root(alice.local_id(), 1_700_000_000_000, &mut entropy);
    let (here, there) = (store(&genesis, &alice)?, store(&genesis, &bob)?);
    there.put("greeting", "hello over Unix sockets").await?;
    let connection = alice.connect(&bob.local_addr()).await?;
    let answering = bob.accept().await.context("the transport is open")?;
    let lookup = Arc::new(move |id: StoreId| (id == there.id()).then(|| there.clone()));
    let options = SyncOptions::default();
    let server = serve_connection(answering, lookup, options.clone(), Arc::new(drop));
    let server = tokio::spawn(server);
    let report = sync_once(&*connection, &here, &options).await?;
    anyhow::ensure!(report.entries_received == 1, "{report:?}");
    let row = here.get(b"greeting")?.context("it was synced")?;
    println!("synced: {}", String::from_utf8_lossy(&row.value));
    connection.close(CloseReason::Done);
    server.await?;

    // Mallory takes over the place where Bob is found, but cannot prove to be Bob.
    std::fs::rename(mallory.path(), bob.path())?;
    let refused = alice.connect(&bob.local_addr()).await;
    anyhow::ensure!(
        matches!(refused, Err(ConnectError::Unreachable)),
        "{refused:?}"
    );
    println!("who cannot prove an identity does not get its connections");
    Ok(())
}

fn store(genesis: &Genesis, node: &UnixTransport) -> anyhow::Result<StoreHandle> {
    let me = node.shared.identity.clone();
    let store = Store::create(Medium::memory(), StoreOptions::system()?, genesis, me)?;
    Ok(StoreHandle::spawn(store)?)
}

/// What the signatures of the greeting are for.
const DOMAIN: &str = "nocturne-examples/v1/unix greeting";
/// How long a greeting may take; also bounds how long a stranger holds a task.
const GREETING: Duration = Duration::from_secs(5);
/// Connections and streams that may wait to be accepted; more wait in the kernel.
const QUEUE: usize = 64;

/// Both ends' nonces: names a connection, and is known to its two ends only.
type Token = [u8; 64];

/// An endpoint in a folder of sockets.
#[derive(Debug)]
struct UnixTransport {
    shared: Arc<Shared>,
    accepted: AsyncMutex<mpsc::Receiver<Arc<UnixConnection>>>,
    server: AbortHandle,
}

/// What the endpoint, its server task and its connections share.
#[derive(Debug)]
struct Shared {
    identity: Identity,
    folder: PathBuf,
    links: Mutex<Option<BTreeMap<Token, Link>>>,
}

/// A connection as the server task sees it.
#[derive(Debug)]
struct Link {
    streams: mpsc::Sender<UnixStream>,
    connection: Weak<UnixConnection>,
}

/// Where the node `id` listens. A socket's path is short by necessity: 16 digits tell nodes apart,
/// and the greeting proves the rest.
fn socket_path(folder: &Path, id: &AuthorId) -> PathBuf {
    folder.join(id.to_string().chars().take(16).collect::<String>())
}

impl UnixTransport {
    fn listen(folder: &Path, identity: Identity) -> io::Result<Self> {
        let listener = UnixListener::bind(socket_path(folder, &identity.author()))?;
        let links = Mutex::new(Some(BTreeMap::new()));
        let shared = Arc::new(Shared {
            identity,
            folder: folder.to_owned(),
            links,
        });
        let (sender, receiver) = mpsc::channel(QUEUE);
        let server = tokio::spawn(serve(listener, shared.clone(), sender)).abort_handle();
        Ok(Self {
            shared,
            accepted: AsyncMutex::new(receiver),
            server,
        })
    }

    fn path(&self) -> PathBuf {
        socket_path(&self.shared.folder, &self.local_id())
    }
}

impl Drop for UnixTransport {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Greets whoever connects, until the transport closes.
async fn serve(
    listener: UnixListener,
    shared: Arc<Shared>,
    accepted: mpsc::Sender<Arc<UnixConnection>>,
) {
    while let Ok((socket, _)) = listener.accept().await {
        let (shared, accepted) = (shared.clone(), accepted.clone());
        // Whoever fails to greet is dropped, and needs no other answer.
        tokio::spawn(timeout(GREETING, async move {
            shared.greeted(socket, accepted).await
        }));
    }
}

impl Shared {
    fn links(&self) -> MutexGuard<'_, Option<BTreeMap<Token, Link>>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The accepting side of a greeting: the socket is a new connection or a stream of an old one.
    async fn greeted(
        self: Arc<Self>,
        mut socket: UnixStream,
        accepted: mpsc::Sender<Arc<UnixConnection>>,
    ) -> io::Result<()> {
        if socket.read_u8().await? == b'S' {
            let token: Token = read(&mut socket).await?;
            let streams = self
                .links()
                .as_ref()
                .and_then(|links| Some(links.get(&token)?.streams.clone()));
            if let Some(streams) = streams {
                // A connection that is gone takes no more streams.
                drop(streams.send(socket).await);
            }
            return Ok(());
        }
        let peer = AuthorId::from_bytes(read(&mut socket).await?);
        let theirs: [u8; 32] = read(&mut socket).await?;
        let me = self.identity.author();
        let ours = nonce()?;
        let said = [&theirs[..], &ours, peer.as_bytes(), me.as_bytes()].concat();
        let proof = self
            .identity
            .sign(DOMAIN, &[b"accepts", &said[..]].concat());
        socket
            .write_all(&[&me.as_bytes()[..], &ours, proof.as_bytes()].concat())
            .await?;
        let proof = Signature::from_bytes(read(&mut socket).await?);
        peer.verify(DOMAIN, &[b"connects", &said[..]].concat(), &proof)
            .map_err(|_| refused())?;
        let connection = self.adopt(socket, peer, token(&theirs, &ours))?;
        // From here on streams find their connection; the other side waits for that.
        connection.welcome()?;
        drop(accepted.send(connection).await);
        Ok(())
    }

    /// The connecting side of a greeting.
    async fn greet(self: &Arc<Self>, peer: AuthorId) -> io::Result<Arc<UnixConnection>> {
        let mut socket = UnixStream::connect(socket_path(&self.folder, &peer)).await?;
        let me = self.identity.author();
        let ours = nonce()?;
        socket
            .write_all(&[b"C", &me.as_bytes()[..], &ours].concat())
            .await?;
        let id = AuthorId::from_bytes(read(&mut socket).await?);
        let theirs: [u8; 32] = read(&mut socket).await?;
        let proof = Signature::from_bytes(read(&mut socket).await?);
        let said = [&ours[..], &theirs, me.as_bytes(), id.as_bytes()].concat();
        if id != peer {
            return Err(refused());
        }
        peer.verify(DOMAIN, &[b"accepts", &said[..]].concat(), &proof)
            .map_err(|_| refused())?;
        let proof = self
            .identity
            .sign(DOMAIN, &[b"connects", &said[..]].concat());
        socket.write_all(proof.as_bytes()).await?;
        socket.read_u8().await?;
        self.adopt(socket, peer, token(&ours, &theirs))
    }

    /// Makes a greeted socket a connection that streams can find.
    fn adopt(
        self: &Arc<Self>,
        socket: UnixStream,
        peer: AuthorId,
        token: Token,
    ) -> io::Result<Arc<UnixConnection>> {
        let (connection, streams) = UnixConnection::new(socket, self.clone(), peer, token)?;
        let link = Link {
            streams,
            connection: Arc::downgrade(&connection),
        };
        self.links()
            .as_mut()
            .ok_or_else(refused)?
            .insert(token, link);
        Ok(connection)
    }
}

async fn read<const N: usize>(socket: &mut UnixStream) -> io::Result<[u8; N]> {
    let mut out = [0; N];
    socket.read_exact(&mut out).await?;
    Ok(out)
}

fn token(connecting: &[u8; 32], accepting: &[u8; 32]) -> Token {
    let mut token = [0; 64];
    for (out, byte) in token.iter_mut().zip(connecting.iter().chain(accepting)) {
        *out = *byte;
    }
    token
}

fn nonce() -> io::Result<[u8; 32]> {
    let mut nonce = [0; 32];
    SystemEntropy::new()
        .map_err(io::Error::other)?
        .fill(&mut nonce);
    Ok(nonce)
}

fn refused() -> io::Error {
    io::ErrorKind::PermissionDenied.into()
}

impl Transport for UnixTransport {
    fn local_id(&self) -> AuthorId {
        self.shared.identity.author()
    }

    fn local_addr(&self) -> PeerAddr {
        PeerAddr::new(self.local_id())
    }

    fn connect<'a>(
        &'a self,
        addr: &'a PeerAddr,
    ) -> BoxFuture<'a, Result<Arc<dyn Connection>, ConnectError>> {
        Box::pin(async move {
            if self.shared.links().is_none() {
                return Err(ConnectError::TransportClosed);
            }
            match timeout(GREETING, self.shared.greet(addr.id)).await {
                Ok(Ok(connection)) => Ok(connection as Arc<dyn Connection>),
                Ok(Err(_)) => Err(ConnectError::Unreachable),
                Err(_) => Err(ConnectError::Timeout),
            }
        })
    }

    fn accept(&self) -> BoxFuture<'_, Option<Arc<dyn Connection>>> {
        Box::pin(async move {
            let connection = self.accepted.lock().await.recv().await?;
            Some(connection as Arc<dyn Connection>)
        })
    }

    fn close(&self, reason: CloseReason) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.server.abort();
            // What is left of a socket file misleads nobody: nobody answers there.
            drop(std::fs::remove_file(self.path()));
            for link in self.shared.links().take().unwrap_or_default().into_values() {
                if let Some(connection) = link.connection.upgrade() {
                    connection.close(reason);
                }
            }
        })
    }
}

#[test]
fn what_it_claims_holds() -> anyhow::Result<()> {
    main()
}
