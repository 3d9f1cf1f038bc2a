// Calls by the official Go SDK. Usage: client_call-go HOST:PORT CALLS CONCURRENCY; prints the processor time of the calls.
package main

import (
	"fmt"
	"os"
	"strconv"
	"sync"
	"syscall"

	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common"
	tchttp "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/http"
	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/profile"
)

// Request and answer in the form that the SDK's generator gives to those of its product modules.
type target struct {
	EniIp  *string `json:"EniIp,omitnil,omitempty" name:"EniIp"`
	Port   *int64  `json:"Port,omitnil,omitempty" name:"Port"`
	Weight *int64  `json:"Weight,omitnil,omitempty" name:"Weight"`
}

type element struct {
	ListenerId *string   `json:"ListenerId,omitnil,omitempty" name:"ListenerId"`
	Targets    []*target `json:"Targets,omitnil,omitempty" name:"Targets"`
}

type modify struct {
	*tchttp.BaseRequest
	LoadBalancerId *string    `json:"LoadBalancerId,omitnil,omitempty" name:"LoadBalancerId"`
	ModifyList     []*element `json:"ModifyList,omitnil,omitempty" name:"ModifyList"`
}

type modified struct {
	*tchttp.BaseResponse
	Response *struct {
		RequestId *string `json:"RequestId,omitnil,omitempty" name:"RequestId"`
	} `json:"Response"`
}

func call(client *common.Client) {
	var targets []*target
	for n := 5; n <= 10; n++ {
		targets = append(targets, &target{
			EniIp:  common.StringPtr("172.16.128." + strconv.Itoa(n)),
			Port:   common.Int64Ptr(8080),
			Weight: common.Int64Ptr(10),
		})
	}
	request := &modify{BaseRequest: &tchttp.BaseRequest{}}
	request.Init().WithApiInfo("clb", "2018-03-17", "BatchModifyTargetWeight")
	request.LoadBalancerId = common.StringPtr("lb-k2zjp9lv")
	request.ModifyList = []*element{{ListenerId: common.StringPtr("lbl-7tf2wq1a"), Targets: targets}}
	answer := &modified{BaseResponse: &tchttp.BaseResponse{}}
	if err := client.Send(request, answer); err != nil {
		panic(err)
	}
	if answer.Response == nil || answer.Response.RequestId == nil {
		panic("an answer without a request id")
	}
}

func all(client *common.Client, calls, concurrency int) {
	var group sync.WaitGroup
	for range concurrency {
		group.Add(1)
		go func() {
			defer group.Done()
			for range calls / concurrency {
				call(client)
			}
		}()
	}
	group.Wait()
}

func processorTime() int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	micros := func(t syscall.Timeval) int64 { return t.Sec*1_000_000 + t.Usec }
	return micros(usage.Utime) + micros(usage.Stime)
}

func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		panic(err)
	}
	return n
}

func main() {
	calls, concurrency := number(os.Args[2]), number(os.Args[3])
	settings := profile.NewClientProfile()
	settings.HttpProfile.Scheme = "HTTP"
	settings.HttpProfile.Endpoint = os.Args[1]
	client := common.NewCommonClient(common.NewCredential("AKIDEXAMPLE0000000000000000000000000", "example-key"), "ap-guangzhou", settings)
	all(client, 500, concurrency)
	before := processorTime()
	all(client, calls, concurrency)
	fmt.Printf("{\"cpu_us\": %d}\n", processorTime()-before)
}
