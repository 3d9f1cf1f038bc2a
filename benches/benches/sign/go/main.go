// The official Go SDK as a signer that takes turns. First line of the input: the body, answered with the header; then per
// line a number of signatures, answered with nanoseconds of CPU per signature.
//
// The SDK signs in the middle of its send function, which cannot be called without sending. Its steps are repeated here,
// and compared with what the SDK itself puts on the wire before a number is printed.
package main

import (
	"bufio"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common"
	tchttp "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/http"
	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/profile"
)

const (
	host = "clb.tencentcloudapi.com"
	id   = "AKIDEXAMPLE"
	key  = "example-key"
)

func sha256hex(s string) string {
	b := sha256.Sum256([]byte(s))
	return hex.EncodeToString(b[:])
}

func hmacsha256(s, key string) string {
	hashed := hmac.New(sha256.New, []byte(key))
	hashed.Write([]byte(s))
	return string(hashed.Sum(nil))
}

// sign repeats sendWithSignatureV3 of v1.3.166, from the canonical headers to the header value.
func sign(body []byte, headers map[string]string) string {
	canonicalHeaders := fmt.Sprintf("content-type:%s\nhost:%s\n", headers["Content-Type"], headers["Host"])
	signedHeaders := "content-type;host"
	hashedRequestPayload := sha256hex(string(body))
	canonicalRequest := fmt.Sprintf("%s\n%s\n%s\n%s\n%s\n%s",
		"POST", "/", "", canonicalHeaders, signedHeaders, hashedRequestPayload)
	algorithm := "TC3-HMAC-SHA256"
	requestTimestamp := headers["X-TC-Timestamp"]
	timestamp, _ := strconv.ParseInt(requestTimestamp, 10, 64)
	date := time.Unix(timestamp, 0).UTC().Format("2006-01-02")
	credentialScope := fmt.Sprintf("%s/%s/tc3_request", date, "clb")
	hashedCanonicalRequest := sha256hex(canonicalRequest)
	string2sign := fmt.Sprintf("%s\n%s\n%s\n%s", algorithm, requestTimestamp, credentialScope, hashedCanonicalRequest)
	secretDate := hmacsha256(date, "TC3"+key)
	secretService := hmacsha256("clb", secretDate)
	secretKey := hmacsha256("tc3_request", secretService)
	signature := hex.EncodeToString([]byte(hmacsha256(string2sign, secretKey)))
	return fmt.Sprintf("%s Credential=%s/%s, SignedHeaders=%s, Signature=%s",
		algorithm, id, credentialScope, signedHeaders, signature)
}

// captured is a transport that keeps what would be sent.
type captured struct{ request *http.Request }

func (c *captured) RoundTrip(request *http.Request) (*http.Response, error) {
	c.request = request
	return nil, errors.New("not sent")
}

// compare stops the program where the steps above differ from those of the SDK.
func compare() {
	wire := &captured{}
	client := common.NewCommonClient(common.NewCredential(id, key), "ap-guangzhou", profile.NewClientProfile())
	client.WithHttpTransport(wire)
	request := tchttp.NewCommonRequest("clb", "2018-03-17", "DescribeTargets")
	_ = request.SetActionParameters(map[string]any{"LoadBalancerId": "lb-1"})
	_ = client.Send(request, tchttp.NewCommonResponse())
	body, err := io.ReadAll(wire.request.Body)
	if err != nil {
		panic(err)
	}
	headers := map[string]string{
		"Content-Type":   wire.request.Header.Get("Content-Type"),
		"Host":           wire.request.Host,
		"X-TC-Timestamp": wire.request.Header.Get("X-TC-Timestamp"),
	}
	if ours, theirs := sign(body, headers), wire.request.Header.Get("Authorization"); ours != theirs {
		panic("the SDK signs otherwise: " + theirs + ", not " + ours)
	}
}

func cpu() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func main() {
	compare()
	lines := bufio.NewReader(os.Stdin)
	line, _ := lines.ReadString('\n')
	body := []byte(strings.TrimSuffix(line, "\n"))
	headers := map[string]string{"Content-Type": "application/json", "Host": host, "X-TC-Timestamp": "1772323200"}
	fmt.Println(sign(body, headers))
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		count, err := strconv.Atoi(strings.TrimSpace(line))
		if err != nil {
			panic(err)
		}
		begun := cpu()
		for range count {
			sign(body, headers)
		}
		fmt.Println(float64(cpu()-begun) / float64(count))
	}
}
