package release

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/stretchr/testify/assert"

	"github.com/elastic-service/elastic-service/healthcheck"
)

// A target group that was created with a check has that check, however AWS describes it.
func TestATargetGroupHasTheCheckThatItWasCreatedWith(t *testing.T) {
	described := func(protocol elb.ProtocolEnum, port string) elb.TargetGroup {
		return elb.TargetGroup{
			HealthCheckProtocol: protocol, HealthCheckPort: &port, HealthCheckIntervalSeconds: aws.Int32(10),
			HealthCheckTimeoutSeconds: aws.Int32(5), HealthyThresholdCount: aws.Int32(3), UnhealthyThresholdCount: aws.Int32(2),
		}
	}
	check := func(protocol healthcheck.Protocol, port int) healthcheck.Check {
		return healthcheck.Check{
			Protocol: protocol, Port: port, Interval: 10 * time.Second, Timeout: 5 * time.Second, Healthy: 3, Unhealthy: 2,
		}
	}
	tcp, web := described(elb.ProtocolEnumTcp, "5001"), described(elb.ProtocolEnumHttp, "traffic-port")
	tcp.HealthCheckPath, tcp.Matcher = aws.String(""), &elb.Matcher{HttpCode: aws.String("200")}
	web.HealthCheckPath, web.Matcher = aws.String("/ping"), &elb.Matcher{HttpCode: aws.String("200-204")}
	plain := described(elb.ProtocolEnumHttp, "traffic-port")
	plain.HealthCheckPath = aws.String("/ping")
	http := check(healthcheck.HTTP, 0)
	http.Path = "/ping"
	matched := http
	matched.Matcher = "200-204"
	assert.Equal(t, recorded(check(healthcheck.TCP, 5001)), checkOf(tcp), "path and matcher mean nothing to TCP")
	assert.Equal(t, recorded(matched), checkOf(web))
	assert.Equal(t, recorded(http), checkOf(plain), "a matcher that is not described is the default")
	assert.Equal(t, 25*time.Second, recorded(http).detection())
}

func TestTheNewVersionAnswersAFormerCheck(t *testing.T) {
	record := Record{Ports: []int{5055, 5000}}
	assert.True(t, record.answers(Check{Protocol: "TCP", Port: 5055}))
	assert.False(t, record.answers(Check{Protocol: "TCP", Port: 5001}))
	assert.True(t, record.answers(Check{Protocol: "HTTP"}), "the service's own port")
}
