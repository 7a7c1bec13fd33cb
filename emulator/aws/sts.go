package aws

import (
	"context"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

func (a *API) sts() *service {
	return &service{
		name: "sts", title: "STS", namespace: "https://sts.amazonaws.com/doc/2011-06-15/",
		operations: map[string]operation{"GetCallerIdentity": answering(a.getCallerIdentity)},
	}
}

// getCallerIdentity returns the same user for every key.
func (a *API) getCallerIdentity(context.Context, *sts.GetCallerIdentityInput) (*sts.GetCallerIdentityOutput, error) {
	const owner = "arn:aws:iam::" + aws.Account
	return &sts.GetCallerIdentityOutput{
		Account: sdk.String(aws.Account), UserId: sdk.String("AIDACKCEVSQ6C2EXAMPLE"), Arn: sdk.String(owner + ":user/emulator"),
	}, nil
}
