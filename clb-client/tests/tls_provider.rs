//! The client in a program where no TLS provider is installed and two are at hand.
//!
//! One test in a program of its own: the provider of the process can be set once only.

use clb_client::credential::{Credential, SecretId, SecretKey};
use clb_client::{Client, Region};
use rustls::crypto::{CryptoProvider, aws_lc_rs};

#[test]
fn building_a_client_neither_needs_nor_sets_the_provider_of_the_process() {
    assert!(CryptoProvider::get_default().is_none(), "nobody has installed one");

    let credential = Credential::new(SecretId::new("id").unwrap(), SecretKey::new("key").unwrap());
    let client = Client::new(Region::new("ap-guangzhou").unwrap(), credential);
    assert!(client.is_ok(), "{client:?}");

    assert!(CryptoProvider::get_default().is_none(), "the client installed one");
    assert!(aws_lc_rs::default_provider().install_default().is_ok(), "the choice is still the program's");
}
