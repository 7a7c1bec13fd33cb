package aws

import (
	"context"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

func (a *API) sts() *service {
	return &service{
		name: "sts", title: "STS", namespace: "https://sts.amazonaws.com/doc/2011-06-15/",
		operations: map[string]operation{"GetCallerIdentity": answering(a.getCallerIdentity)},
	}
}

// getCallerIdentity returns the same user for every key.
func (a *API) getCallerIdentity(context.Context, *sts.GetCallerIdentityInput) (*sts.GetCallerIdentityOutput, error) {
	return &sts.GetCallerIdentityOutput{
		Account: sdk.String(account), UserId: sdk.String("AIDACKCEVSQ6C2EXAMPLE"), Arn: sdk.String("arn:aws:iam::" + account + ":user/emulator"),
	}, nil
}
