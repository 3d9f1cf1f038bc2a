// The official Go SDK's common client against the simulated CLB: it signs on its own, with its own header set and body.
// Usage: sdk-go ENDPOINT SECRET_ID SECRET_KEY
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common"
	sdkerrors "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/errors"
	tchttp "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/http"
	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/profile"
)

type object = map[string]any

type sdk struct{ client *common.Client }

func connect(endpoint, id, key string) sdk {
	settings := profile.NewClientProfile()
	settings.HttpProfile.Scheme = "HTTP"
	settings.HttpProfile.Endpoint = endpoint
	return sdk{common.NewCommonClient(common.NewCredential(id, key), "ap-guangzhou", settings)}
}

func (s sdk) call(action string, fields object) (object, error) {
	request := tchttp.NewCommonRequest("clb", "2018-03-17", action)
	if err := request.SetActionParameters(fields); err != nil {
		return nil, err
	}
	response := tchttp.NewCommonResponse()
	if err := s.client.Send(request, response); err != nil {
		return nil, err
	}
	var answer struct{ Response object }
	err := json.Unmarshal(response.GetBody(), &answer)
	return answer.Response, err
}

func (s sdk) must(action string, fields object) object {
	answer, err := s.call(action, fields)
	if err != nil {
		panic(fmt.Sprintf("%s: %v", action, err))
	}
	return answer
}

func (s sdk) refused(code, action string, fields object) {
	_, err := s.call(action, fields)
	if refusal, ok := err.(*sdkerrors.TencentCloudSDKError); !ok || refusal.GetCode() != code {
		panic(fmt.Sprintf("%s: %v, wanted %s", action, err, code))
	}
}

// weight of the only target, -1 without one.
func (s sdk) weight() float64 {
	answer := s.must("DescribeTargets", object{"LoadBalancerId": "lb-1", "ListenerIds": []string{"lbl-1"}})
	targets := answer["Listeners"].([]any)[0].(object)["Targets"].([]any)
	if len(targets) == 0 {
		return -1
	}
	return targets[0].(object)["Weight"].(float64)
}

func (s sdk) wait(task any) float64 {
	for range 100 {
		if status := s.must("DescribeTaskStatus", object{"TaskId": task})["Status"].(float64); status != 2 {
			return status
		}
		time.Sleep(100 * time.Millisecond)
	}
	panic("the task does not end")
}

func check(ok bool, what string) {
	if !ok {
		panic(what)
	}
}

func main() {
	s := connect(os.Args[1], os.Args[2], os.Args[3])
	target := object{"EniIp": "10.0.0.1", "Port": 8080}
	bound := object{"LoadBalancerId": "lb-1", "Targets": []object{{"ListenerId": "lbl-1", "EniIp": "10.0.0.1", "Port": 8080, "Weight": 30}}}
	drain := object{"LoadBalancerId": "lb-1", "ModifyList": []object{{"ListenerId": "lbl-1", "Weight": 0, "Targets": []object{target}}}}
	steps := []struct {
		what string
		run  func()
	}{
		{"a target is registered", func() { s.must("BatchRegisterTargets", bound); check(s.weight() == 30, "weight 30") }},
		{"its weight becomes 0 when the task has ended", func() {
			task := s.must("BatchModifyTargetWeight", drain)["RequestId"]
			check(s.weight() == 30, "accepted is not done")
			s.refused("FailedOperation.ResourceInOperating", "BatchModifyTargetWeight", drain)
			check(s.wait(task) == 0 && s.weight() == 0, "weight 0")
		}},
		{"it is deregistered", func() { s.must("BatchDeregisterTargets", bound); check(s.weight() == -1, "not bound") }},
		{"refusals carry their code", func() {
			s.refused("InvalidParameter.LBIdNotFound", "DescribeListeners", object{"LoadBalancerId": "lb-9"})
			s.refused("UnknownParameter", "DescribeListeners", object{"loadBalancerId": "lb-1"})
			s.refused("InvalidAction", "DescribeNothing", object{})
		}},
		{"a wrong key is refused", func() {
			connect(os.Args[1], os.Args[2], "another-key").refused("AuthFailure.SignatureFailure", "DescribeLoadBalancers", object{})
		}},
	}
	failed := 0
	for _, step := range steps {
		func() {
			defer func() {
				if why := recover(); why != nil {
					failed++
					fmt.Printf("FAILED  %s: %v\n", step.what, why)
				}
			}()
			step.run()
			fmt.Printf("ok      %s\n", step.what)
		}()
	}
	fmt.Printf("%d passed, %d failed\n", len(steps)-failed, failed)
	if failed != 0 {
		os.Exit(1)
	}
}
