package emulator_test

import (
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/emulator/cloud/elb"
	"github.com/elastic-service/elastic-service/emulator/cloud/vpc"
)

// fillDisk has the next state be written to a device that is always full, until the returned function frees it.
func (w *world) fillDisk() (free func()) {
	w.t.Helper()
	partial := filepath.Join(w.folder, "cloud.json.new")
	require.NoError(w.t, os.Symlink("/dev/full", partial))
	return func() { assert.NoError(w.t, os.Remove(partial)) }
}

func TestAFullDiskRefusesWhatCannotBeKeptAndLeavesTheRestRunning(t *testing.T) {
	w := newWorld(t)
	w.group("web", 1, w.template(stock, "", webDocument()), w.targets)
	w.eventually("one healthy", func() bool { return w.healthy() == 1 })
	w.eventually("saved", func() bool { _, err := os.Stat(filepath.Join(w.folder, "cloud.json")); return err == nil })
	before := must(os.ReadFile(filepath.Join(w.folder, "cloud.json")))(t)

	free := w.fillDisk()
	require.NoError(t, w.Cloud.Change(func(m *cloud.Model) error { return m.S3.CreateBucket("unsaved") }))
	_, err := w.Providers.DeleteOrphans(t.Context(), "test", nil)
	require.ErrorContains(t, err, "the state cannot be saved")
	require.ErrorIs(t, err, unix.ENOSPC)
	victim := w.Status().Instances[0].ID
	require.NoError(t, w.Cloud.Change(func(m *cloud.Model) error { return m.EC2.TerminateInstance(victim) }))
	w.eventually("replaced on a full disk", func() bool {
		return w.healthy() == 1 && w.Status().Instances[len(w.Status().Instances)-1].ID != victim
	})
	status, _ := w.ask()
	assert.Equal(t, http.StatusOK, status)
	assert.Equal(t, before, must(os.ReadFile(filepath.Join(w.folder, "cloud.json")))(t), "the former state is whole")

	free()
	w.eventually("saved again", func() bool {
		data, err := os.ReadFile(filepath.Join(w.folder, "cloud.json"))
		return err == nil && strings.Contains(string(data), w.Status().Instances[len(w.Status().Instances)-1].ID)
	})
}

func TestInstancesThatFindNoRoomOnTheDiskFailWithTheReasonAndNotInARush(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("a small disk is mounted as root")
	}
	w := newWorld(t)
	instances := filepath.Join(w.folder, "instances")
	require.NoError(t, os.MkdirAll(instances, 0o700))
	require.NoError(t, unix.Mount("tmpfs", instances, "tmpfs", 0, "size=4k"))
	t.Cleanup(func() { assert.NoError(t, unix.Unmount(instances, unix.MNT_DETACH)) })
	w.group("web", 1, w.template(stock, "", webDocument()), w.targets)
	w.eventually("a failure with its reason", func() bool {
		for _, i := range w.Status().Instances {
			if strings.Contains(i.Description, "no space left on device") {
				return true
			}
		}
		return false
	})
	time.Sleep(2 * time.Second)
	assert.Less(t, len(w.Status().Instances), 20, "launches wait after a failure")
	require.NoError(t, unix.Mount("tmpfs", instances, "tmpfs", unix.MS_REMOUNT, "size=64m"))
	w.eventually("healthy once there is room", func() bool { return w.healthy() == 1 })
}

func TestVolumesThatAKilledEmulatorLeftAreDeleted(t *testing.T) {
	folder := t.TempDir()
	orphan := filepath.Join(folder, "instances", "i-00000000000000001")
	require.NoError(t, os.MkdirAll(filepath.Join(orphan, "root", "etc"), 0o700))
	require.NoError(t, os.MkdirAll(filepath.Join(orphan, "log"), 0o700))
	e, err := open(t, folder)
	require.NoError(t, err)
	defer e.Providers.Close()
	assert.NoDirExists(t, filepath.Join(orphan, "root"))
	assert.DirExists(t, filepath.Join(orphan, "log"), "logs stay, as after any termination")
}

func TestWithoutAFreeLoopbackAddressBalancersAndInstancesSaySo(t *testing.T) {
	c, err := cloud.New("us-east-1", clockwork.NewFakeClock(), func(netip.Addr) bool { return false })
	require.NoError(t, err)
	network := must(cloud.Make(c, func(m *cloud.Model) (vpc.VPC, error) { return m.VPC.CreateVPC("10.0.0.0/24") }))(t)
	gateway := must(cloud.Make(c, func(m *cloud.Model) (vpc.InternetGateway, error) { return m.VPC.CreateGateway(network.ID) }))(t)
	subnet := must(cloud.Make(c, func(m *cloud.Model) (vpc.Subnet, error) {
		return m.VPC.CreateSubnet(network.ID, "10.0.0.0/25", c.Region().Zones()[0], true)
	}))(t)
	table := must(cloud.Make(c, func(m *cloud.Model) (vpc.RouteTable, error) { return m.VPC.CreateRouteTable(network.ID) }))(t)
	must(cloud.Make(c, func(m *cloud.Model) (string, error) { return m.VPC.Associate(table.ID, subnet.ID) }))(t)
	require.NoError(t, c.Change(func(m *cloud.Model) error { return m.VPC.CreateRoute(table.ID, "0.0.0.0/0", gateway.ID) }))
	group := must(cloud.Make(c, func(m *cloud.Model) (vpc.SecurityGroup, error) { return m.VPC.CreateSecurityGroup("web", network.ID) }))(t)
	_, err = cloud.Make(c, func(m *cloud.Model) (elb.LoadBalancer, error) {
		return m.ELB.CreateLoadBalancer(elb.LoadBalancerSpec{
			Name: "web", Subnets: []string{subnet.ID}, SecurityGroups: []string{group.ID},
		}, m.Clock.Now())
	})
	require.ErrorContains(t, err, "none of the addresses 127.255.0.1 to 127.255.0.254 is free")
	image := must(cloud.Find(c, func(m *cloud.Model) (ec2.Image, error) { return m.EC2.ImageByParameter(stock) }))(t)
	_, err = cloud.Make(c, func(m *cloud.Model) (ec2.Instance, error) {
		return m.EC2.RunInstance(ec2.InstanceSpec{
			TemplateData: ec2.TemplateData{ImageID: image.ID, InstanceType: "t3.micro", SecurityGroups: []string{group.ID}}, Subnet: subnet.ID,
		}, m.Clock.Now())
	})
	require.ErrorContains(t, err, "not enough free addresses in subnet '"+subnet.ID+"'")
}
