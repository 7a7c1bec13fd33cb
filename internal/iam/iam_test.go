package iam_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/internal/iam"
)

func TestAPolicyIsWrittenInTheOrderOfAWS(t *testing.T) {
	text, err := iam.Policy(iam.Statement{
		Sid: "Read", Effect: iam.Allow, Principal: iam.Service("ec2.amazonaws.com"), Action: []string{"s3:GetObject"}, Resource: "*",
		Condition: iam.Condition{"Bool": {"aws:SecureTransport": "true"}},
	}, iam.Statement{Effect: iam.Deny, Action: "s3:*"})
	require.NoError(t, err)
	const want = `{"Version":"2012-10-17","Statement":[{"Sid":"Read","Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},` +
		`"Action":["s3:GetObject"],"Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"true"}}},` +
		`{"Effect":"Deny","Action":"s3:*"}]}`
	assert.Equal(t, want, text) //nolint:testifylint // the order of the fields matters
}

func TestTrust(t *testing.T) {
	text, err := iam.Trust("ec2.amazonaws.com", nil)
	require.NoError(t, err)
	assert.JSONEq(t, `{"Version": "2012-10-17", "Statement": [
		{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
	]}`, text)
}

func TestParseARN(t *testing.T) {
	for _, test := range []struct {
		text string
		want iam.ARN
	}{
		{
			text: "arn:aws-cn:sns:cn-north-1:123456789012:topic",
			want: iam.ARN{Partition: "aws-cn", Service: "sns", Region: "cn-north-1", Account: "123456789012", Resource: "topic"},
		},
		{
			text: "arn:aws:logs:us-east-1:123456789012:log-group:flows:*", // a resource may contain colons
			want: iam.ARN{
				Partition: "aws", Service: "logs", Region: "us-east-1", Account: "123456789012", Resource: "log-group:flows:*",
			},
		},
		{text: "arn:aws:s3:::bucket", want: iam.ARN{Partition: "aws", Service: "s3", Resource: "bucket"}},
	} {
		arn, err := iam.ParseARN(test.text)
		require.NoError(t, err, test.text)
		assert.Equal(t, test.want, arn)
		assert.Equal(t, test.text, arn.String())
	}
	for _, text := range []string{
		"", "topic", "arn:aws:sns", "arn:aws:sns:us-east-1:123456789012:", "urn:aws:sns:us-east-1:1:t", "arn::sns:::t",
	} {
		_, err := iam.ParseARN(text)
		require.ErrorContains(t, err, "is not an ARN", text)
	}
	_, err := iam.ParseRegional("arn:aws:s3:::bucket")
	assert.EqualError(t, err, `"arn:aws:s3:::bucket" is not the ARN of a resource in an account's region`)
}
