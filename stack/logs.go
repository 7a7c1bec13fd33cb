package stack

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/compute"
	"github.com/elastic-service/elastic-service/internal/invalid"
	"github.com/elastic-service/elastic-service/journal"
	"github.com/elastic-service/elastic-service/settings"
)

// shipperPackage is the program in this project that sends the journal of an instance to CloudWatch Logs.
const shipperPackage = "./cmd/shiplogs"

// shipsLogs reports whether the instances send their journal.
func (p *plan) shipsLogs() bool { return p.settings.App != nil && p.settings.App.Logs != nil }

// prepareLogs brings the program to the instances.
func (p *plan) prepareLogs(ctx *pulumi.Context, problems *invalid.List) {
	if !p.shipsLogs() {
		return
	}
	p.software.Logs = &compute.Logs{Group: journal.GroupName(p.settings.Service, p.stack), Retention: p.settings.App.Logs.Retention}
	p.addArtifact(ctx, "app.logs", settings.Artifact{Build: shipperPackage, Path: journal.Path}, problems)
}
