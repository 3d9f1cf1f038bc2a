//! Programs to run and to read. Each file beside this one is an example; its first line is the command.
#![forbid(unsafe_code)]
