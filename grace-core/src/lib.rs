//! Decides which weight every CLB target should have while Pods come and go.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
