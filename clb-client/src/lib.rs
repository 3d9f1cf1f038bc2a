//! A client for the Tencent Cloud CLB API that signs its requests (TC3-HMAC-SHA256).
#![forbid(unsafe_code)]
