//! Runnable examples of the Nocturne crates: see the files beside this one.
