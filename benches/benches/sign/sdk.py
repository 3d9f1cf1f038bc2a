"""The official Python SDK as a signer that takes turns. First line of the input: the body, answered with the header; then per
line a number of signatures, answered with nanoseconds of CPU per signature."""
import sys
import time
from datetime import datetime

from tencentcloud.common import credential
from tencentcloud.common.abstract_client import AbstractClient
from tencentcloud.common.http.request import RequestInternal
from tencentcloud.common.profile.client_profile import ClientProfile

HOST, SECONDS = "clb.tencentcloudapi.com", 1772323200

client = AbstractClient(credential.Credential("AKIDEXAMPLE", "example-key"), "ap-guangzhou", ClientProfile())
request = RequestInternal(HOST, "POST", "/", {"Content-Type": "application/json"}, "")
request.header.update({"Content-Type": "application/json", "Host": HOST, "X-TC-Timestamp": str(SECONDS)})
request.data = sys.stdin.readline().rstrip("\n")


def sign():  # the end of _build_req_with_tc3_signature, which reads the clock itself
    secret_id, secret_key, _ = client.credential.get_credential_info()
    date = datetime.utcfromtimestamp(SECONDS).strftime("%Y-%m-%d")
    signature = client._get_tc3_signature({}, request, date, "clb", secret_key, {})
    return "TC3-HMAC-SHA256 Credential=%s/%s/%s/tc3_request, SignedHeaders=content-type;host, Signature=%s" % (
        secret_id, date, "clb", signature)


print(sign(), flush=True)
for line in sys.stdin:
    count = int(line)
    begun = time.process_time_ns()
    for _ in range(count):
        sign()
    print((time.process_time_ns() - begun) / count, flush=True)
