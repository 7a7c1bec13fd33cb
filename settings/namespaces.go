package settings

import (
	"maps"
	"slices"
	"strings"

	"github.com/elastic-service/elastic-service/internal/invalid"
)

// providers are packages of Pulumi whose configuration a stack's file may hold, though this program uses aws and awsx alone: files are
// shared, and environments of Pulumi ESC import values for several programs.
var providers = strings.Fields(`
	pulumi aws awsx aws-native aws-apigateway eks auth0 azure azuread azure-native azuredevops cloudflare cloudinit command confluentcloud
	consul datadog digitalocean dnsimple docker docker-build elasticstack fastly fortios gcp github gitlab google-native grafana harness
	hcloud heroku kafka keycloak kubernetes kubernetes-cert-manager linode mongodbatlas mysql newrelic ns1 nomad null okta onelogin openstack
	opsgenie pagerduty postgresql pulumiservice rabbitmq random rancher2 sentry signalfx slack snowflake splunk spotinst std sumologic 
	tailscale terraform time tls vault venafi vercel vsphere`)

// awsKeys are the settings of the provider aws.
var awsKeys = strings.Fields(`
	accessKey allowedAccountIds assumeRole assumeRoleWithWebIdentity customCaBundle defaultTags ec2MetadataServiceEndpoint
	ec2MetadataServiceEndpointMode endpoints forbiddenAccountIds httpProxy httpsProxy ignoreTags insecure maxRetries noProxy profile region
	retryMode s3UsEast1RegionalEndpoint s3UsePathStyle secretKey sharedConfigFiles sharedCredentialsFiles skipCredentialsValidation
	skipMetadataApiCheck skipRegionValidation skipRequestingAccountId stsRegion token tokenBucketRateLimiterCapacity useDualstackEndpoint
	useFipsEndpoint`)

// refuseStrangers refuses keys that nothing reads: a stack whose protect is misspelt would not be protected.
func refuseStrangers(l *invalid.List, config map[string]string) {
	own := strings.TrimSuffix(namespace, ":")
	for _, key := range slices.Sorted(maps.Keys(config)) {
		of, name, _ := strings.Cut(key, ":")
		top, _, _ := strings.Cut(name, ".")
		switch {
		case of == own, of == "pulumi":
		case of == "aws" && !slices.Contains(awsKeys, top):
			l.Missing(key, "is not a setting of the provider aws: there are %s", strings.Join(awsKeys, ", "))
		case slices.Contains(providers, of):
		case slices.Contains(Keys(), namespace+of):
			l.Missing(key, "is read by nothing: write %s%s, and %s in it", namespace, of, name)
		case slices.Contains(Keys(), namespace+top):
			l.Missing(key, "is read by nothing: write %s%s", namespace, name)
		default:
			l.Missing(key, "is read by nothing: %s is neither the namespace of the settings (%s) nor a provider", of, own)
		}
	}
}
