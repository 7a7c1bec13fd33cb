// Command shiplogs sends the journal of an instance's units to CloudWatch Logs:
//
//	shiplogs [-region REGION] -group GROUP UNIT …
//
// The stream is named for the instance. The units are systemd's, such as web.service; what systemd says about them is sent, too. The place
// in the journal up to which it was sent is kept in the folder STATE_DIRECTORY of systemd: after a restart and after a reboot the program
// goes on from there. On another instance of an image with this folder it begins with the instance's boot. The credentials are those of the
// SDK for Go: on an instance, of its role.
//
// On SIGTERM and SIGINT it sends what the journal has, for at most 8 s, and ends with status 0. Its status is 1 if the journal cannot be
// read, and 2 if an argument is wrong.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"golang.org/x/sys/unix"

	"github.com/elastic-service/elastic-service/journal"
	"github.com/elastic-service/elastic-service/journal/cloudwatch"
)

const (
	// linger is how long a line waits for further ones.
	linger = time.Second
	// retry is the first pause after a failure.
	retry = time.Second
	// patience is how long sending may take at the end.
	patience = 8 * time.Second
)

func main() {
	os.Exit(run(os.Args[1:], os.Stderr))
}

func run(args []string, stderr io.Writer) int {
	flags := flag.NewFlagSet("shiplogs", flag.ContinueOnError)
	flags.SetOutput(stderr)
	region := flags.String("region", "", "`region` of the log group; the SDK's own when empty: of AWS_REGION or of the instance")
	group := flags.String("group", "", "`name` of the log group")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil {
		return 2 // flag has told why
	}
	if *group == "" || flags.NArg() == 0 {
		fmt.Fprintln(stderr, "shiplogs: a log group and units are needed: shiplogs -group GROUP UNIT …")
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	say := func(text string) { fmt.Fprintln(stderr, text) } // in the journal it has the name of the unit
	if err := ship(ctx, *region, *group, flags.Args(), say); err != nil {
		say(err.Error())
		return 1
	}
	return 0
}

// ship sends the journal until ctx ends, and then what is left.
func ship(ctx context.Context, region, group string, units []string, say func(string)) error {
	loaded, err := config.LoadDefaultConfig(ctx, config.WithRegion(region), config.WithEC2IMDSRegion())
	if err != nil {
		return fmt.Errorf("settings of the SDK: %w", err)
	}
	instance, err := instanceID(ctx, imds.NewFromConfig(loaded), say)
	if ctx.Err() != nil {
		return nil // there is nothing that was begun
	}
	if err != nil {
		return err
	}
	place := placeOf(instance)
	sending, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(patience, stop) })()

	entries, reading := make(chan journal.Entry), make(chan error, 1)
	go func() {
		defer close(entries)
		reading <- read(ctx, sending, journal.Reader{Program: "journalctl", Units: units, Since: booted()}, place.Cursor, entries)
	}()
	shipper := cloudwatch.Shipper{
		Client: cloudwatchlogs.NewFromConfig(loaded), Group: group, Stream: instance, Linger: linger, Retry: retry, Say: say,
		Sent: func(last journal.Entry) {
			place.Cursor = last.Cursor
			if err := place.save(); err != nil {
				say("the place in the journal is not kept: " + err.Error())
			}
		},
	}
	if err := shipper.Run(sending, entries); err != nil {
		say("the last lines are not sent: " + err.Error())
		return nil // the journal keeps them for the next boot
	}
	return <-reading
}

// booted returns a time before the boot, and after that of an instance whose image this one may have. The ID of the boot does not help: in
// a container, systemd shows a confined unit that of another.
func booted() time.Time {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return time.Time{} // the whole journal
	}
	return time.Now().Add(-time.Duration(info.Uptime)*time.Second - time.Minute)
}

// read follows the journal until ctx ends, and then reads it to its end.
func read(ctx, sending context.Context, r journal.Reader, after string, entries chan<- journal.Entry) error {
	last, err := r.Read(ctx, after, true, entries)
	if err == nil {
		_, err = r.Read(sending, last, false, entries)
	}
	return err
}

// instanceID asks the metadata service, however long it takes to answer.
func instanceID(ctx context.Context, client *imds.Client, say func(string)) (string, error) {
	for pause, failing := retry, false; ; pause = min(2*pause, time.Minute) {
		out, err := client.GetMetadata(ctx, &imds.GetMetadataInput{Path: "instance-id"})
		if err == nil {
			defer out.Content.Close()
			id, err := io.ReadAll(out.Content)
			return string(id), err
		}
		if !failing {
			failing = true
			say("the metadata service does not tell the ID of the instance: " + err.Error())
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

// place is up to where an instance's journal was sent.
type place struct {
	Instance string `json:"instance"`
	Cursor   string `json:"cursor"`
	file     string
}

// placeOf returns the place that was kept for an instance; the beginning if there is none.
func placeOf(instance string) *place {
	p := &place{file: filepath.Join(os.Getenv("STATE_DIRECTORY"), "place.json")}
	if content, err := os.ReadFile(p.file); err == nil {
		_ = json.Unmarshal(content, p) // a file that was cut is none
	}
	if p.Instance != instance {
		p.Instance, p.Cursor = instance, ""
	}
	return p
}

// save replaces the file in one step.
func (p *place) save() error {
	content, err := json.Marshal(p)
	if err != nil {
		return err
	}
	if err := os.WriteFile(p.file+".new", content, 0o600); err != nil {
		return err
	}
	return os.Rename(p.file+".new", p.file)
}
