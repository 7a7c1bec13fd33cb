package dashboard_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var pictures = flag.String("pictures", "", "folder in which to leave pictures of the page")

// browser is a headless Chromium with one page, and what the page complained of.
type browser struct {
	t   *testing.T
	ctx context.Context

	mu         sync.Mutex
	complaints []string
}

// newBrowser skips the test where there is no Chromium, unless CI is set.
func newBrowser(t *testing.T) *browser {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" && os.Getenv("CI") != "" {
		t.Fatal("no chromium on PATH: apt-get install chromium")
	}
	if path == "" {
		t.Skip("no chromium on PATH: apt-get install chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.WindowSize(1360, 1000))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium's sandbox refuses root
	}
	ctx, stopAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stopAllocator)
	ctx, stopContext := chromedp.NewContext(ctx)
	t.Cleanup(stopContext)
	require.NoError(t, chromedp.Do(ctx), "the browser starts")
	b := &browser{t: t, ctx: ctx}
	require.NoError(t, chromedp.Listen(ctx, b.listen))
	call(b, log.Enable, cdp.Empty{})
	call(b, runtime.Enable, cdp.Empty{})
	call(b, audits.Enable, cdp.Empty{})
	return b
}

// listen collects errors, warnings and violations of the Content-Security-Policy.
func (b *browser) listen(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			b.complaints = append(b.complaints, fmt.Sprintf("console: %v", e.Args))
		}
	case *runtime.EventExceptionThrown:
		what := e.ExceptionDetails.Text
		if thrown := e.ExceptionDetails.Exception; thrown != nil {
			what += " " + thrown.Description
		}
		b.complaints = append(b.complaints, "exception: "+what)
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			b.complaints = append(b.complaints, fmt.Sprintf("log: %s %s", e.Entry.Text, e.Entry.URL))
		}
	case *audits.EventIssueAdded:
		b.complaints = append(b.complaints, "issue: "+string(e.Issue.Code))
	}
}

// takeComplaints returns those since the last time.
func (b *browser) takeComplaints() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	taken := b.complaints
	b.complaints = nil
	return taken
}

// soon is the context of one action.
func (b *browser) soon() (context.Context, context.CancelFunc) {
	return context.WithTimeout(b.ctx, 30*time.Second)
}

func (b *browser) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := b.soon()
	defer cancel()
	require.NoError(b.t, chromedp.Do(ctx, actions...))
}

func call[P, R any](b *browser, command cdp.Command[P, R], parameters P) {
	b.t.Helper()
	ctx, cancel := b.soon()
	defer cancel()
	_, err := chromedp.Call(ctx, command, parameters)
	require.NoError(b.t, err)
}

// get runs an action for its value.
func get[T any](b *browser, action chromedp.Action[T]) T {
	b.t.Helper()
	ctx, cancel := b.soon()
	defer cancel()
	value, err := chromedp.Run(ctx, action)
	require.NoError(b.t, err)
	return value
}

// ask evaluates an expression in the page.
func ask[T any](b *browser, expression string) T {
	b.t.Helper()
	return get(b, chromedp.Evaluate[T](expression))
}

// text is what people read of an element.
func (b *browser) text(selector string) string {
	b.t.Helper()
	return ask[string](b, `document.querySelector('`+selector+`').innerText`)
}

func (b *browser) click(selector string) {
	b.t.Helper()
	b.do(chromedp.Click(chromedp.CSS(selector)))
}

// eventually waits until an expression is true in the page.
func (b *browser) eventually(what, expression string) {
	b.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if ask[bool](b, "Boolean("+expression+")") {
			return
		}
	}
	require.Fail(b.t, "did not happen: "+what, "%s\n%s", expression, ask[string](b, "document.body.innerText"))
}

// picture leaves a picture of the whole page, if they are wanted.
func (b *browser) picture(name string) {
	b.t.Helper()
	if *pictures == "" {
		return
	}
	image := get(b, chromedp.FullScreenshot(100))
	require.NoError(b.t, os.WriteFile(filepath.Join(*pictures, name+".png"), image, 0o644))
}

// choose sets a control as a person does: with the event that follows.
func (b *browser) choose(selector, value string) {
	b.t.Helper()
	b.do(chromedp.SetValue(chromedp.CSS(selector), value))
	ask[bool](b, `document.querySelector('`+selector+`').dispatchEvent(new Event('change'))`)
}

func (b *browser) scheme(name string) {
	b.t.Helper()
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}},
	})
}

const healthyOnes = `[...document.querySelectorAll('.instance[data-target=healthy]')].map(e => e.dataset.id)`

func TestThePageShowsATerminatedInstanceLeaveAndItsReplacementCome(t *testing.T) {
	b := newBrowser(t)
	w := newWorld(t)
	b.do(chromedp.Navigate("http://" + w.control + "/"))
	b.eventually("an empty cloud is said", `document.querySelector('#topology').innerText.includes('balancer')`)
	w.webGroup()
	b.eventually("two healthy", healthyOnes+".length === 2")
	assert.Equal(t, "Emulator: test", b.text("h1"))
	assert.Equal(t, 2, ask[int](b, `document.querySelectorAll('.zone').length`))
	before := ask[[]string](b, healthyOnes)

	b.click(`.instance[data-id="` + before[0] + `"] [data-action="aws:ec2:terminate-instances"]`)
	b.eventually("what was done is said",
		`document.querySelector('#result').innerText === 'Started: aws:ec2:terminate-instances at `+before[0]+`'`)
	b.eventually("it leaves", `!`+healthyOnes+`.includes('`+before[0]+`')`)
	b.eventually("its replacement is healthy", healthyOnes+".length === 2")
	b.eventually("it is listed as gone", `document.querySelector('.gone')?.textContent.includes('`+before[0]+`')`)
	after := ask[[]string](b, healthyOnes)
	assert.NotContains(t, after, before[0])
	assert.Contains(t, after, before[1])
	activities := b.text("#activities")
	assert.Contains(t, activities, "Terminating EC2 instance: "+before[0])
	for _, id := range after {
		assert.Contains(t, activities, "Launching a new EC2 instance: "+id)
	}
	notifications := b.text("#notifications")
	assert.Contains(t, notifications, "AWS Notification Message: EC2 Instance Terminate Successful")
	assert.Contains(t, notifications, "EC2 Instance Terminate Successful (lost)")
	assert.Empty(t, b.takeComplaints())
}

func TestThePageIsUsableFromTheKeyboard(t *testing.T) {
	b := newBrowser(t)
	w := newWorld(t)
	w.webGroup()
	b.do(chromedp.Navigate("http://" + w.control + "/"))
	b.eventually("two healthy", healthyOnes+".length === 2")

	b.do(chromedp.KeyEvent(kb.Tab))
	assert.Equal(t, "Skip to the content", ask[string](b, `document.activeElement.innerText`))
	b.do(chromedp.KeyEvent(kb.Enter), chromedp.KeyEvent(kb.Tab))
	button := ask[string](b, `document.activeElement.getAttribute('aria-label')`)
	require.Contains(t, button, "Kill web on i-", "the first thing to act on in the content")
	b.do(chromedp.KeyEvent(kb.Tab))
	require.Contains(t, ask[string](b, `document.activeElement.getAttribute('aria-label')`), "Terminate i-")

	now := b.text("#facts")
	b.eventually("the page goes on", `document.querySelector('#facts').innerText !== '`+now+`'`)
	id := ask[string](b, `document.activeElement.closest('.instance').dataset.id`)
	b.do(chromedp.KeyEvent(kb.Enter))
	b.eventually("the one with the focus is terminated", `!`+healthyOnes+`.includes('`+id+`')`)
	assert.Empty(t, ask[[]string](b, `[...document.querySelectorAll('button, select, input, [tabindex="0"]')].filter(e =>
		!(e.innerText || e.getAttribute('aria-label') || e.labels?.length)).map(e => e.outerHTML)`), "they have no name")

	b.click("#pause")
	stopped := b.text("#facts")
	time.Sleep(2500 * time.Millisecond) // two events
	assert.Equal(t, stopped, b.text("#facts"), "a page that is paused stands still")
	b.click("#pause")
	b.eventually("the page goes on", `document.querySelector('#facts').innerText !== '`+stopped+`'`)
	assert.Empty(t, b.takeComplaints())
}

func TestFaultsAreStartedAndStoppedInTheForm(t *testing.T) {
	b := newBrowser(t)
	w := newWorld(t)
	w.webGroup()
	b.do(chromedp.Navigate("http://" + w.control + "/"))
	b.eventually("two healthy", healthyOnes+".length === 2")
	zone := w.Cloud.Region().Zones()[0]
	b.choose("select[name=action]", "aws:network:disrupt-connectivity")
	b.eventually("zones are offered", `document.querySelector('select[name=target] option[value="`+zone+`"]')`)
	b.choose("select[name=target]", zone)
	b.choose("input[name=duration]", "36000")
	b.click("form button[type=submit]")
	b.eventually("it runs", `document.querySelector('[data-fault]')?.innerText.includes('`+zone+`, since')`)
	b.eventually("the zone's target is unhealthy, and why is said",
		`document.querySelector('.instance[data-target=unhealthy]')?.innerText.includes('SUBNET_ACL_RESTRICTION')`)
	b.click(`[data-fault] button`)
	b.eventually("it is over", `!document.querySelector('[data-fault]')`)
	b.eventually("both are healthy again", healthyOnes+".length === 2")

	assert.Empty(t, b.takeComplaints())

	b.choose("select[name=action]", "aws:ssm:send-command/AWSFIS-Run-CPU-Stress")
	b.eventually("its parameters are asked for", `!!document.querySelector('[name="parameter LoadPercent"]')`)
	b.choose("select[name=target]", ask[[]string](b, healthyOnes)[0])
	b.choose(`[name="parameter LoadPercent"]`, "101")
	b.click("form button[type=submit]")
	b.eventually("why it is refused is said",
		`document.querySelector('#result').innerText.includes("LoadPercent '101' must be a number from 1 to 100")`)
	assert.Len(t, b.takeComplaints(), 1, "Chromium logs the answer 400")
}

func TestChartsLookRightInLightAndDarkAndOnANarrowPage(t *testing.T) {
	b := newBrowser(t)
	w := newWorld(t)
	w.webGroup()
	w.tasks()
	w.load()
	b.scheme("light")
	b.do(chromedp.Navigate("http://" + w.control + "/"))
	b.eventually("two healthy", healthyOnes+".length === 2")
	b.eventually("two tasks", `document.querySelectorAll('[data-task]').length === 2`)
	b.eventually("requests of all targets are drawn", `[...document.querySelectorAll('#requests .legend .value')]
		.filter(e => parseFloat(e.innerText) > 0).length === 4`)
	b.eventually("the policy's target is drawn", `[...document.querySelectorAll('#cpu .legend li')].some(
		e => e.textContent === 'target 60 %')`)
	b.eventually("CPU is measured", `[...document.querySelectorAll('#cpu .legend li')].some(
		e => e.innerText.startsWith('mean of web') && parseFloat(e.querySelector('.value').innerText) > 0)`)
	b.eventually("alarms are shown", `document.querySelectorAll('#alarms [data-alarm]').length === 2`)
	light := ask[string](b, "getComputedStyle(document.body).backgroundColor")
	b.picture("light")
	b.scheme("dark")
	assert.NotEqual(t, light, ask[string](b, "getComputedStyle(document.body).backgroundColor"))
	b.picture("dark")
	for _, width := range []int64{400, 320} {
		call(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
			Width: width, Height: 800, DeviceScaleFactor: 1,
		})
		b.eventually("charts shrink too", `[...document.querySelectorAll('canvas')].every(e => e.clientWidth <= innerWidth)`)
		assert.LessOrEqual(t, ask[int64](b, "document.documentElement.scrollWidth"), width, "it is scrolled sideways")
		b.picture(fmt.Sprintf("%d-px", width))
	}
	assert.Empty(t, b.takeComplaints())
}

func TestThePolicyLetsNoOtherScriptRun(t *testing.T) {
	b := newBrowser(t)
	w := newWorld(t)
	b.do(chromedp.Navigate("http://" + w.control + "/"))
	b.eventually("loaded", `document.querySelector('#connection').dataset.state === 'live'`)
	assert.Empty(t, b.takeComplaints())
	assert.True(t, ask[bool](b, `(() => {
		const script = document.createElement('script');
		try { script.textContent = 'window.ran = true'; } catch { return true; }
		document.head.append(script);
		return !window.ran;
	})()`))
	b.eventually("styles in attributes have no effect", `(() => {
		const p = document.createElement('p');
		p.setAttribute('style', 'position: fixed');
		document.body.append(p);
		return getComputedStyle(p).position !== 'fixed';
	})()`)
	assert.NotEmpty(t, b.takeComplaints(), "violations are seen by these tests")
}
