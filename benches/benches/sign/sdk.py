"""Prints nanoseconds per signature of the official Python SDK. Arguments: bytes of the body, signatures."""
import json
import sys
import time

from tencentcloud.common import credential
from tencentcloud.common.abstract_client import AbstractClient
from tencentcloud.common.http.request import RequestInternal
from tencentcloud.common.profile.client_profile import ClientProfile

size, count = int(sys.argv[1]), int(sys.argv[2])
body = json.dumps({"LoadBalancerId": "x" * (size - 22)})
assert len(body) == size, len(body)

client = AbstractClient(credential.Credential("AKIDEXAMPLE", "example-key"), "ap-guangzhou", ClientProfile())
request = RequestInternal("clb.tencentcloudapi.com", "POST", "/", {"Content-Type": "application/json"}, body)
request.header.update({"Content-Type": "application/json", "Host": "clb.tencentcloudapi.com", "X-TC-Timestamp": "1772323200"})
request.data = body
best = None
for _ in range(5):
    begun = time.process_time_ns()
    for _ in range(count):
        client._get_tc3_signature({}, request, "2026-03-01", "clb", "example-key")
    took = (time.process_time_ns() - begun) / count
    best = took if best is None or took < best else best
print(best)
