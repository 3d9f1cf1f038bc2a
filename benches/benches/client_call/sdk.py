"""Calls by the official Python SDK. Usage: sdk.py HOST:PORT CALLS THREADS; prints the processor time of the calls.

One client per thread, with kept connections, which is not the SDK's default.
"""

import json
import resource
import sys
import threading

from tencentcloud.clb.v20180317 import clb_client, models
from tencentcloud.common import credential
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile

address, calls, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])


def client():
    http = HttpProfile(protocol="http", endpoint=address, keepAlive=True)
    return clb_client.ClbClient(credential.Credential("AKIDEXAMPLE0000000000000000000000000", "example-key"), "ap-guangzhou", ClientProfile(httpProfile=http))


def target(n):
    made = models.Target()
    made.EniIp, made.Port, made.Weight = f"172.16.128.{n}", 8080, 10
    return made


def call(by):
    element = models.RsWeightRule()
    element.ListenerId, element.Targets = "lbl-7tf2wq1a", [target(n) for n in range(5, 11)]
    request = models.BatchModifyTargetWeightRequest()
    request.LoadBalancerId, request.ModifyList = "lb-k2zjp9lv", [element]
    assert by.BatchModifyTargetWeight(request).RequestId


def processor_time():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def run(by, count, begin):
    call(by)
    begin.wait()
    begin.wait()
    for _ in range(count):
        call(by)


begin = threading.Barrier(threads + 1)
runners = [threading.Thread(target=run, args=(client(), calls // threads, begin)) for _ in range(threads)]
for runner in runners:
    runner.start()
begin.wait()
before = processor_time()
begin.wait()
for runner in runners:
    runner.join()
print(json.dumps({"cpu_us": (processor_time() - before) * 1e6}))
