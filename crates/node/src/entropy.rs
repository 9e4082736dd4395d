//! The operating system's randomness, for everything that takes [`Entropy`].

use nocturne_core::Entropy;

/// Randomness of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&mut self, out: &mut [u8]) {
        #[expect(
            clippy::expect_used,
            reason = "a machine without randomness cannot make keys; going on would be worse"
        )]
        getrandom::fill(out).expect("the operating system has no randomness");
    }
}
