// Command elastic-service is the Pulumi program: it deploys the service that the chosen stack's file describes.
//
//	pulumi up -s dev
package main

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/stack"
)

func main() {
	pulumi.Run(stack.Deploy)
}
