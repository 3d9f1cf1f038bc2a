"""The official Python SDK against the simulated CLB, as a program that knows nothing of this project would use both.

Usage: sdk.py SIMULATOR [PROGRAM...]; each further program gets a simulator of its own: ENDPOINT SECRET_ID SECRET_KEY.
"""

import contextlib
import json
import subprocess
import sys
import time
import urllib.request

from tencentcloud.clb.v20180317 import clb_client, models
from tencentcloud.common import credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile

checks = []


def check(what):
    """Registers a check; they run in order on one simulator."""
    return lambda body: checks.append((what, body))


def client(secret_key=None, unsigned_payload=False):
    profile = ClientProfile(httpProfile=HttpProfile(protocol="http", endpoint=SIM["endpoint"]))
    profile.unsignedPayload = unsigned_payload
    return clb_client.ClbClient(credential.Credential(SIM["id"], secret_key or SIM["key"]), "ap-guangzhou", profile)


def call(action, fields, by=None):
    request = getattr(models, action + "Request")()
    request.from_json_string(json.dumps(fields))
    return getattr(by or client(), action)(request)


def refused(action, fields, code, by=None):
    try:
        answer = call(action, fields, by)
    except TencentCloudSDKException as error:
        assert error.get_code() == code, f"{error.get_code()}: {error.get_message()}"
        assert error.get_request_id(), "an error carries a request id"
        return error.get_message()
    raise AssertionError(f"answered: {answer.to_json_string()}")


def order(**fields):
    body = json.dumps(fields).encode()
    with urllib.request.urlopen(f"http://{SIM['endpoint']}/order", body) as answer:
        assert answer.status == 200


def targets():
    """Weights by (listener, rule, address, port)."""
    answer = call("DescribeTargets", {"LoadBalancerId": "lb-1"})
    found = {}
    for listener in answer.Listeners:
        for target in listener.Targets or []:
            found[listener.ListenerId, None, target.PrivateIpAddresses[0], target.Port] = target.Weight
        for rule in listener.Rules or []:
            for target in rule.Targets:
                found[listener.ListenerId, rule.LocationId, target.PrivateIpAddresses[0], target.Port] = target.Weight
    return found


def wait(task):
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        answer = call("DescribeTaskStatus", {"TaskId": task})
        if answer.Status != 2:
            return answer
        time.sleep(0.1)
    raise AssertionError("the task does not end")


@check("load balancers and listeners are listed")
def _():
    answer = call("DescribeLoadBalancers", {"LoadBalancerIds": ["lb-1"]})
    assert [balancer.LoadBalancerId for balancer in answer.LoadBalancerSet] == ["lb-1"] and answer.TotalCount == 1
    listeners = {listener.ListenerId: listener for listener in call("DescribeListeners", {"LoadBalancerId": "lb-1"}).Listeners}
    assert listeners["lbl-1"].Protocol == "TCP" and listeners["lbl-1"].Rules is None
    assert [rule.LocationId for rule in listeners["lbl-2"].Rules] == ["loc-1"]


@check("targets of layer 4 and 7 are registered in one batch")
def _():
    answer = call("BatchRegisterTargets", {"LoadBalancerId": "lb-1", "Targets": [
        {"ListenerId": "lbl-1", "EniIp": "10.0.0.1", "Port": 8080, "Weight": 30},
        {"ListenerId": "lbl-2", "LocationId": "loc-1", "EniIp": "10.0.0.1", "Port": 8080}]})
    assert answer.FailListenerIdSet == []
    assert targets() == {("lbl-1", None, "10.0.0.1", 8080): 30, ("lbl-2", "loc-1", "10.0.0.1", 8080): 10}


@check("a weight becomes 0 when the task has ended")
def _():
    drain = {"LoadBalancerId": "lb-1", "ModifyList": [
        {"ListenerId": "lbl-1", "Targets": [{"EniIp": "10.0.0.1", "Port": 8080, "Weight": 0}]},
        {"ListenerId": "lbl-2", "LocationId": "loc-1", "Targets": [{"EniIp": "10.0.0.1", "Port": 8080, "Weight": 0}]}]}
    task = call("BatchModifyTargetWeight", drain).RequestId
    assert set(targets().values()) == {30, 10}, "accepted is not done"
    refused("BatchModifyTargetWeight", drain, "FailedOperation.ResourceInOperating")
    answer = wait(task)
    assert answer.Status == 0 and answer.LoadBalancerIds == ["lb-1"]
    assert set(targets().values()) == {0}


@check("a failed task says why")
def _():
    order(do="fault", fault="failed_task", on="BatchModifyTargetWeight")
    answer = wait(call("BatchModifyTargetWeight", {"LoadBalancerId": "lb-1", "ModifyList": [
        {"ListenerId": "lbl-1", "Targets": [{"EniIp": "10.0.0.1", "Port": 8080, "Weight": 10}]}]}).RequestId)
    assert answer.Status == 1 and answer.Message
    assert set(targets().values()) == {0}


@check("targets are deregistered")
def _():
    call("BatchDeregisterTargets", {"LoadBalancerId": "lb-1", "Targets": [
        {"ListenerId": "lbl-1", "EniIp": "10.0.0.1", "Port": 8080},
        {"ListenerId": "lbl-2", "LocationId": "loc-1", "EniIp": "10.0.0.1", "Port": 8080}]})
    assert targets() == {}


@check("the single forms run as tasks")
def _():
    where = {"LoadBalancerId": "lb-1", "ListenerId": "lbl-1"}
    assert wait(call("RegisterTargets", {**where, "Targets": [{"EniIp": "10.0.0.2", "Port": 81, "Weight": 5}]}).RequestId).Status == 0
    assert wait(call("ModifyTargetWeight", {**where, "Weight": 0, "Targets": [{"EniIp": "10.0.0.2", "Port": 81}]}).RequestId).Status == 0
    assert wait(call("ModifyTargetPort", {**where, "NewPort": 82, "Targets": [{"EniIp": "10.0.0.2", "Port": 81}]}).RequestId).Status == 0
    assert targets() == {("lbl-1", None, "10.0.0.2", 82): 0}
    rule = {"LoadBalancerId": "lb-1", "ListenerId": "lbl-2", "Domain": "a.example.com", "Url": "/"}
    assert wait(call("RegisterTargets", {**rule, "Targets": [{"EniIp": "10.0.0.2", "Port": 82}]}).RequestId).Status == 0
    order(do="set_health", address="10.0.0.2:82", health="Dead")
    answer = call("DescribeTargetHealth", {"LoadBalancerIds": ["lb-1"]})
    found = [target for listener in answer.LoadBalancers[0].Listeners for rule in listener.Rules for target in rule.Targets]
    assert [(target.IP, target.HealthStatus, target.HealthStatusDetail) for target in found] == [("10.0.0.2", False, "Dead")] * 2
    answer = call("DescribeLBListeners", {"Backends": [{"VpcId": "vpc-00000001", "PrivateIp": "10.0.0.2"}]})
    assert [listener.ListenerId for listener in answer.LoadBalancers[0].Listeners] == ["lbl-1", "lbl-2"]
    for pool in (where, rule):
        assert wait(call("DeregisterTargets", {**pool, "Targets": [{"EniIp": "10.0.0.2", "Port": 82}]}).RequestId).Status == 0
    assert targets() == {}


@check("target groups take targets of their own")
def _():
    order(do="put_target_group", id="lbtg-1")
    group = {"TargetGroupId": "lbtg-1"}
    assert wait(call("AssociateTargetGroups", {"Associations": [
        {"LoadBalancerId": "lb-1", "ListenerId": "lbl-2", "LocationId": "loc-1", **group}]}).RequestId).Status == 0
    member = {"BindIP": "10.0.0.3", "Port": 80}
    for action, fields in (("Register", {"Weight": 9}), ("Modify", {"Weight": 0})):
        action = action + "TargetGroupInstances" + ("Weight" if action == "Modify" else "")
        assert wait(call(action, {**group, "TargetGroupInstances": [{**member, **fields}]}).RequestId).Status == 0
    answer = call("DescribeTargetGroupInstances", {"Filters": [{"Name": "TargetGroupId", "Values": ["lbtg-1"]}]})
    assert [(found.PrivateIpAddresses, found.Weight) for found in answer.TargetGroupInstanceSet] == [(["10.0.0.3"], 0)]
    assert answer.RealCount == 1
    answer = call("DescribeTargetGroups", {"TargetGroupIds": ["lbtg-1"]})
    assert answer.TargetGroupSet[0].AssociatedRule[0].LocationId == "loc-1"
    assert call("DescribeTargetGroupList", {}).TotalCount == 1
    assert wait(call("DeregisterTargetGroupInstances", {**group, "TargetGroupInstances": [member]}).RequestId).Status == 0
    assert {quota.QuotaId for quota in call("DescribeQuota", {}).QuotaSet} > {"TOTAL_TARGET_BIND_QUOTA"}


@check("what does not exist is refused with the documented code")
def _():
    target = {"EniIp": "10.0.0.1", "Port": 8080}
    refused("DescribeListeners", {"LoadBalancerId": "lb-9"}, "InvalidParameter.LBIdNotFound")
    refused("BatchRegisterTargets", {"LoadBalancerId": "lb-1", "Targets": [{"ListenerId": "lbl-9", **target}]},
            "InvalidParameter.ListenerIdNotFound")
    refused("DescribeTaskStatus", {"TaskId": "nobody"}, "InvalidParameter")
    refused("BatchRegisterTargets", {"LoadBalancerId": "lb-1", "Targets": [{"ListenerId": "lbl-1", **target}] * 501},
            "InvalidParameterValue.Length")


@check("text beyond ASCII is signed and verified")
def _():
    assert call("DescribeLoadBalancers", {"LoadBalancerName": "\u8d1f\u8f7d\u5747\u8861 \u00e9"}).TotalCount == 0


@check("an unsigned payload is accepted")
def _():
    assert call("DescribeLoadBalancers", {}, client(unsigned_payload=True)).TotalCount == 1


@check("a wrong key is refused")
def _():
    refused("DescribeLoadBalancers", {}, "AuthFailure.SignatureFailure", client("another-key"))


@check("faults by order: throttled, a gateway page, a lost answer")
def _():
    order(do="fault", fault="throttled")
    refused("DescribeLoadBalancers", {}, "RequestLimitExceeded")
    order(do="fault", fault="bad_gateway")
    refused_by_network("ServerNetworkError")
    order(do="fault", fault="lost_after_effect")
    refused_by_network("ClientNetworkError")


def refused_by_network(code):
    try:
        call("DescribeLoadBalancers", {})
    except TencentCloudSDKException as error:
        assert error.get_code() == code, error
        return
    raise AssertionError("answered")


@contextlib.contextmanager
def simulator():
    """Starts a fresh simulator and says where it is and which key it accepts."""
    process = subprocess.Popen([sys.argv[1], "--http", "127.0.0.1:0", "--task-ms", "300"],
                               stdout=subprocess.PIPE, text=True)
    try:
        lines = [process.stdout.readline() for _ in range(3)]
        SIM["endpoint"] = lines[0].split()[1].removeprefix("http://")
        SIM["id"], SIM["key"] = lines[1].split()[-1], lines[2].split()[-1]
        yield
    finally:
        process.terminate()
        process.wait()


def main():
    failed = 0
    with simulator():
        for what, body in checks:
            try:
                body()
                print(f"ok      {what}")
            except (AssertionError, TencentCloudSDKException) as why:
                failed += 1
                print(f"FAILED  {what}: {why}")
    print(f"{len(checks) - failed} passed, {failed} failed", flush=True)
    for other in sys.argv[2:]:
        with simulator():
            failed += subprocess.run([other, SIM["endpoint"], SIM["id"], SIM["key"]]).returncode
    return failed != 0


SIM = {}

if __name__ == "__main__":
    sys.exit(main())
