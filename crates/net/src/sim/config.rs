//! What links do, and what came of it.

/// How links behave. Chances are in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkConfig {
    /// Least delay of a frame or gossip message.
    pub min_latency_ms: u64,
    /// Most; drawn evenly between, so that messages on different links, and gossip on the same,
    /// overtake each other. Frames of one session keep their order.
    pub max_latency_ms: u64,
    /// A gossip message is lost.
    pub gossip_loss: u64,
    /// A gossip message arrives twice.
    pub gossip_duplication: u64,
    /// A frame breaks its connection instead of arriving.
    pub break_chance: u64,
    /// Mean time between a node's anti-entropy syncs with a random peer; the actual one varies
    /// between half and one and a half of it.
    pub sync_every_ms: u64,
}

impl Default for LinkConfig {
    fn default() -> Self {
        Self {
            min_latency_ms: 5,
            max_latency_ms: 80,
            gossip_loss: 50,
            gossip_duplication: 50,
            break_chance: 2,
            sync_every_ms: 5_000,
        }
    }
}

/// What happened in a simulation, in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Sessions begun.
    pub sessions: u64,
    /// Sessions that both ends finished well.
    pub completed: u64,
    /// Session ends that failed.
    pub failed: u64,
    /// Gossip messages that arrived.
    pub gossip: u64,
    /// Bytes of frames sent.
    pub bytes: u64,
}
