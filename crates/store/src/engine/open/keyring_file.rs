//! Which version of the keyring counts, after a crash too.

use super::OpenError;
use crate::keyring::{self, Keyring};
use crate::medium::Vault;

/// The valid version with the greatest generation; the others are destroyed. A crash leaves a torn
/// new version beside the old one, or an old one beside the new.
pub(super) fn newest_keyring(
    vault: &mut dyn Vault,
    instance: [u8; 16],
    floor: u64,
    next_number: u64,
) -> Result<Keyring, OpenError> {
    let versions = vault.load()?;
    let count = versions.len();
    let mut best: Option<Keyring> = None;
    let mut failure = OpenError::KeyringMissing;
    for bytes in versions {
        let bytes = zeroize::Zeroizing::new(bytes);
        match keyring::decode(&bytes) {
            Ok(keyring) if keyring.instance != instance => failure = OpenError::KeyringOfOther,
            Ok(keyring) => {
                if best
                    .as_ref()
                    .is_none_or(|other| other.generation < keyring.generation)
                {
                    best = Some(keyring);
                }
            }
            Err(error) => failure = error.into(),
        }
    }
    let Some(mut keyring) = best else {
        return Err(failure);
    };
    if keyring.generation < floor || keyring.allocated < next_number {
        return Err(OpenError::KeyringStale {
            found: keyring.generation,
            needed: floor.max(keyring.generation + u64::from(keyring.generation >= floor)),
        });
    }
    if count > 1 {
        // Under a number of its own: an intact version is never written over in place.
        keyring.generation += 1;
        vault.replace(keyring.generation, &keyring::encode(&keyring))?;
    }
    Ok(keyring)
}

/// Whether a keyring lies here that has given keys to operations. Only a store's database gives it
/// a use: making another store would destroy it.
pub(super) fn has_used_keyring(vault: &mut dyn Vault) -> Result<bool, OpenError> {
    let versions = vault.load()?;
    let mut versions = versions.into_iter().map(zeroize::Zeroizing::new);
    Ok(versions.any(|bytes| keyring::decode(&bytes).is_ok_and(|keyring| keyring.allocated > 0)))
}
