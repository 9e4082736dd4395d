//! Sessions against each other in virtual time.

mod hostile;
mod laws;
mod pair;
