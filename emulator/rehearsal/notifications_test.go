package rehearsal

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/cloud/events"
)

func TestWhatWasToldIsSummedUpByItsKind(t *testing.T) {
	launch := events.Notification{Subject: "AWS Notification Message", Message: `{"detail-type":"EC2 Instance Launch Successful"}`}
	alarm := events.Notification{Subject: `ALARM: "cpu" in us-east-1`, Message: `{"AlarmName":"cpu","NewStateValue":"ALARM"}`}
	hook := events.Notification{Subject: "Auto Scaling: Lifecycle action", Message: `{"LifecycleHookName":"warm"}`}
	summary, err := sumUp([]events.Notification{launch, alarm, launch, hook})
	require.NoError(t, err)
	assert.Equal(t, "1 × Auto Scaling: Lifecycle action, 2 × EC2 Instance Launch Successful, 1 × alarm ALARM", summary)

	lost := launch
	lost.Lost = "Topic does not exist"
	_, err = sumUp([]events.Notification{alarm, lost})
	require.EqualError(t, err, "EC2 Instance Launch Successful was not delivered: Topic does not exist")

	summary, err = sumUp(nil)
	require.NoError(t, err)
	assert.Empty(t, summary)
}
