//! The simulator without a network: a [`Simulator`] is itself a [`Transport`], signatures verified all the same.

use std::io;

use bytes::Bytes;
use http::Request;

use super::simulator::{NoAnswer, Simulator};
use crate::{
    Client, Region,
    transport::{Transport, TransportError, TransportFuture},
};

impl Transport for Simulator {
    fn send(&self, request: Request<Bytes>) -> TransportFuture<'_> {
        Box::pin(async move {
            self.answer(request).await.map_err(|why| match why {
                NoAnswer::Unreachable => TransportError::not_sent(io::Error::new(
                    io::ErrorKind::ConnectionRefused,
                    "the simulator refuses the connection on purpose",
                )),
                NoAnswer::Lost => TransportError::perhaps_sent(io::Error::new(
                    io::ErrorKind::ConnectionReset,
                    "the simulator loses the answer on purpose",
                )),
            })
        })
    }
}

impl Simulator {
    /// A client of this simulator with an accepted key and the simulator's clock, on no network.
    #[must_use]
    pub fn client(&self, region: Region) -> Client {
        let clock = self.clone();
        Client::with_transport(region, self.credential(), self.clone())
            .with_wall_clock(move || clock.unix_now())
    }
}
