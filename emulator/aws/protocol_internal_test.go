package aws

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"net/netip"
	"reflect"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	astypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/smithy-go"
	"github.com/jonboulle/clockwork"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

// echo is an API whose services are given, and the configuration of a client of it.
func echo(t *testing.T, services ...*service) sdk.Config {
	t.Helper()
	c, err := cloud.New("us-east-1", clockwork.NewFakeClock(), func(netip.Addr) bool { return true })
	require.NoError(t, err)
	a := &API{cloud: c, services: map[string]*service{}}
	for _, s := range services {
		a.services[s.name] = s
	}
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	return sdk.Config{
		Region: "us-east-1", BaseEndpoint: &server.URL, Credentials: credentials.NewStaticCredentialsProvider("any", "key", ""),
		RetryMaxAttempts: 1,
	}
}

// fill gives each field of a value something of its own, so that a field that gets lost or mixed up is seen.
func fill(v reflect.Value, depth int, next *int) {
	*next++
	switch v.Kind() { //nolint:exhaustive // the SDK's types have no others
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), depth, next)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Date(2026, 11, 26, 12, 0, *next%60, 0, time.UTC)))
			return
		}
		for i := range v.NumField() {
			if field := v.Type().Field(i); field.IsExported() && field.Name != "ResultMetadata" {
				fill(v.Field(i), depth, next)
			}
		}
	case reflect.Slice:
		if depth == 0 {
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), depth-1, next)
		fill(v.Index(1), depth-1, next)
	case reflect.Map:
		key := reflect.New(v.Type().Key()).Elem()
		value := reflect.New(v.Type().Elem()).Elem()
		fill(key, depth, next)
		fill(value, depth, next)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.String:
		v.SetString("text <&> " + string(rune('a'+*next%26)))
	case reflect.Bool:
		v.SetBool(*next%2 == 0)
	case reflect.Int32, reflect.Int64:
		v.SetInt(int64(*next))
	case reflect.Float64:
		v.SetFloat(float64(*next) + 0.5)
	}
}

func filled[T any]() *T {
	v := new(T)
	next := 0
	fill(reflect.ValueOf(v).Elem(), 4, &next)
	return v
}

// same compares what was sent and what arrived, whatever the zone of its times.
func same(t *testing.T, sent, arrived any) {
	t.Helper()
	local := time.Local
	time.Local = time.UTC
	defer func() { time.Local = local }()
	want, err := json.MarshalIndent(sent, "", " ")
	require.NoError(t, err)
	got, err := json.MarshalIndent(arrived, "", " ")
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got))
}

func TestWhatAClientSendsAndGetsIsTheSameOnBothSides(t *testing.T) {
	var groups *autoscaling.DescribeAutoScalingGroupsInput
	var refresh *autoscaling.StartInstanceRefreshInput
	var data *cloudwatch.GetMetricDataInput
	config := echo(t,
		&service{name: "autoscaling", namespace: "urn:x", operations: map[string]operation{
			"DescribeAutoScalingGroups": answering(func(
				_ context.Context, in *autoscaling.DescribeAutoScalingGroupsInput,
			) (*autoscaling.DescribeAutoScalingGroupsOutput, error) {
				groups = in
				return filled[autoscaling.DescribeAutoScalingGroupsOutput](), nil
			}),
			"StartInstanceRefresh": answering(func(
				_ context.Context, in *autoscaling.StartInstanceRefreshInput,
			) (*autoscaling.StartInstanceRefreshOutput, error) {
				refresh = in
				return filled[autoscaling.StartInstanceRefreshOutput](), nil
			}),
		}},
		&service{name: "monitoring", namespace: "urn:y", operations: map[string]operation{
			"GetMetricData": answering(func(
				_ context.Context, in *cloudwatch.GetMetricDataInput,
			) (*cloudwatch.GetMetricDataOutput, error) {
				data = in
				return filled[cloudwatch.GetMetricDataOutput](), nil
			}),
		}},
	)
	scaling := autoscaling.NewFromConfig(config)

	t.Run("query, a description", func(t *testing.T) {
		asked := filled[autoscaling.DescribeAutoScalingGroupsInput]()
		got, err := scaling.DescribeAutoScalingGroups(t.Context(), asked)
		require.NoError(t, err)
		same(t, asked, groups)
		same(t, filled[autoscaling.DescribeAutoScalingGroupsOutput](), got)
	})
	t.Run("query, nested structures", func(t *testing.T) {
		asked := filled[autoscaling.StartInstanceRefreshInput]()
		asked.DesiredConfiguration.MixedInstancesPolicy = nil // its names of lists are unlike all others
		_, err := scaling.StartInstanceRefresh(t.Context(), asked)
		require.NoError(t, err)
		same(t, asked, refresh)
	})
	t.Run("CBOR", func(t *testing.T) {
		asked := filled[cloudwatch.GetMetricDataInput]()
		got, err := cloudwatch.NewFromConfig(config).GetMetricData(t.Context(), asked)
		require.NoError(t, err)
		same(t, asked, data)
		same(t, filled[cloudwatch.GetMetricDataOutput](), got)
	})
}

func TestARefusalIsTheClientsError(t *testing.T) {
	config := echo(t,
		&service{name: "autoscaling", title: "Auto Scaling", operations: map[string]operation{
			"StartInstanceRefresh": answering(func(
				context.Context, *autoscaling.StartInstanceRefreshInput,
			) (*autoscaling.StartInstanceRefreshOutput, error) {
				return nil, aws.Refuse("InstanceRefreshInProgress", "one is under way")
			}),
		}},
		&service{name: "monitoring", title: "CloudWatch", operations: map[string]operation{
			"GetMetricData": answering(func(
				context.Context, *cloudwatch.GetMetricDataInput,
			) (*cloudwatch.GetMetricDataOutput, error) {
				return nil, aws.Refuse("InvalidNextToken", "no such token")
			}),
		}},
	)
	name := "group"
	client := autoscaling.NewFromConfig(config)
	_, err := client.StartInstanceRefresh(t.Context(), &autoscaling.StartInstanceRefreshInput{AutoScalingGroupName: &name})
	var inProgress *astypes.InstanceRefreshInProgressFault
	require.ErrorAs(t, err, &inProgress)
	assert.Equal(t, "one is under way", inProgress.ErrorMessage())

	_, err = cloudwatch.NewFromConfig(config).GetMetricData(t.Context(), filled[cloudwatch.GetMetricDataInput]())
	var token *cwtypes.InvalidNextToken
	require.ErrorAs(t, err, &token)
	assert.Equal(t, "no such token", token.ErrorMessage())

	_, err = client.DescribeTags(t.Context(), &autoscaling.DescribeTagsInput{})
	var unknown smithy.APIError
	require.ErrorAs(t, err, &unknown)
	assert.Equal(t, "InvalidAction", unknown.ErrorCode())
	assert.Contains(t, unknown.ErrorMessage(), "no operation DescribeTags of Auto Scaling; it has StartInstanceRefresh")
}

func TestARequestForAnotherRegionIsRefused(t *testing.T) {
	config := echo(t, &service{name: "autoscaling"})
	config.Region = "eu-west-1"
	_, err := autoscaling.NewFromConfig(config).DescribeAutoScalingGroups(t.Context(), &autoscaling.DescribeAutoScalingGroupsInput{})
	require.ErrorContains(t, err, "the emulator runs us-east-1, not eu-west-1")
}
