//! What the benches share: rows, machine limits, reporting.
