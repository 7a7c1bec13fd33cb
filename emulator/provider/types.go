package provider

import (
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// types lists the types of the package aws that the emulator knows, by the services of AWS. It refuses all others.
var types = []resourceType{
	// Amazon VPC
	vpcNetwork(), internetGateway(), subnet(), routeTable(), route(), routeTableAssociation(),
	securityGroup(), defaultSecurityGroup(), ingressRule(), egressRule(),
	networkACL(), networkACLRule(), networkACLAssociation(),
	elasticIP(), natGateway(), vpcEndpoint(), flowLog(),
	// Amazon EC2
	instance(), launchTemplate(), imageOfInstance(),
	// Elastic Load Balancing
	loadBalancer(), targetGroup(), listener(),
	// Amazon EC2 Auto Scaling
	autoScalingGroup(), scalingPolicy(), lifecycleHook(), scheduledAction(),
	// Amazon ECS and Application Auto Scaling
	cluster(), capacityProvider(), clusterCapacityProviders(), taskDefinition(), service(), scalableTarget(), servicePolicy(),
	// IAM
	role(), rolePolicy(), rolePolicyAttachment(), instanceProfile(),
	// Amazon S3
	bucket(), bucketObject(), bucketPolicy(),
	bucketEncryption(), bucketLifecycle(), bucketOwnership(), bucketPublicAccess(), bucketVersioning(),
	// AWS Systems Manager and AWS Secrets Manager
	parameter(), secret(), secretVersion(),
	// Amazon RDS
	dbInstance(), dbSubnetGroup(), dbParameterGroup(),
	// Amazon Route 53 and AWS Certificate Manager
	hostedZone(), dnsRecord(), certificate(), certificateValidation(),
	// Amazon SNS, EventBridge and CloudWatch
	topic(), topicPolicy(), topicSubscription(), eventRule(), eventTarget(), metricAlarm(), dashboard(), logGroup(),
}

// registry holds the types by their tokens.
var registry = byToken(types)

// byToken returns types by their tokens.
func byToken(types []resourceType) map[string]*resourceType {
	all := map[string]*resourceType{}
	for _, t := range types {
		all[t.token] = &t
	}
	return all
}

// lookup returns a type by its token, or the refusal of a type that the emulator doesn't know.
func lookup(token string) (*resourceType, error) {
	if t := registry[token]; t != nil {
		return t, nil
	}
	return nil, status.Errorf(codes.Unimplemented, "the emulator refuses %s: it doesn't know this type, so it cannot show "+
		"what it would do on AWS", token)
}

// KindOf returns the kind of a type, false for a type that the emulator refuses.
func KindOf(token string) (Kind, bool) {
	if t := registry[token]; t != nil {
		return t.kind, true
	}
	if token == vpcToken {
		return Run, true
	}
	return "", false
}
