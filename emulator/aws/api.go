package aws

import (
	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/logstore"
)

// API answers AWS's API for a cloud.
type API struct {
	cloud    *cloud.Cloud
	folder   string              // of the bytes of S3's objects
	logs     *logstore.Store     // the events of CloudWatch Logs
	services map[string]*service // by the name in signatures
}

// New returns the API of a cloud, which keeps the bytes of objects in a folder, and the events of logs in a store.
func New(c *cloud.Cloud, objects string, logs *logstore.Store) *API {
	a := &API{cloud: c, folder: objects, logs: logs, services: map[string]*service{}}
	for _, s := range []*service{
		a.autoScaling(), a.cloudWatch(), a.cloudWatchLogs(), a.ec2(), a.ecs(), a.loadBalancing(), a.rds(), a.s3(), a.secretsManager(),
		a.ssm(), a.sts(),
	} {
		a.services[s.name] = s
	}
	return a
}

// Environment makes the SDKs and the AWS CLI talk to the API at an address: any key will do.
func Environment(address, region string) map[string]string {
	return map[string]string{
		"AWS_ENDPOINT_URL": "http://" + address, "AWS_ACCESS_KEY_ID": "emulator", "AWS_SECRET_ACCESS_KEY": "emulator", "AWS_REGION": region,
	}
}

// read runs f, which changes nothing, on the model.
func (a *API) read(f func(m *cloud.Model) error) error {
	var err error
	a.cloud.View(func(m *cloud.Model) { err = f(m) })
	return err
}
