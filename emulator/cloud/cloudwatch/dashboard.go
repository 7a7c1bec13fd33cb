package cloudwatch

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

// CheckDashboard refuses a body that CloudWatch refuses: widgets of a known type within a grid of 24 columns (CloudWatch:
// "Dashboard body structure and syntax").
func CheckDashboard(body string) error {
	var dashboard struct {
		Widgets []struct {
			Type          string
			X, Y          int
			Width, Height int
			Properties    json.RawMessage
		}
	}
	wrong := func(message string) error {
		return aws.Refuse("InvalidParameterInput", "The dashboard body is invalid, there are 1 validation errors: %s", message)
	}
	if err := json.Unmarshal([]byte(body), &dashboard); err != nil {
		return wrong("the field DashboardBody must be a valid JSON object: " + err.Error())
	}
	kinds := []string{"metric", "text", "log", "alarm", "explorer"}
	for _, widget := range dashboard.Widgets {
		switch {
		case !slices.Contains(kinds, widget.Type):
			return wrong("the type of a widget is one of " + strings.Join(kinds, ", ") + ", not " + widget.Type)
		case widget.X < 0 || widget.Y < 0 || widget.X > 23 || widget.Width < 0 || widget.X+widget.Width > 24 || widget.Height > 1000:
			return wrong("a widget must lie within 24 columns")
		case len(widget.Properties) == 0:
			return wrong("should have required property 'properties'")
		}
	}
	return nil
}
