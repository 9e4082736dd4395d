//! What the benches share: the machine's own limits, rows to write, and a meter that prints both.
//!
//! A figure says nothing without what the machine could do at most: each bench measures that limit
//! in the same run and prints it beside the figure.

pub mod limits;
pub mod meter;
pub mod rows;
