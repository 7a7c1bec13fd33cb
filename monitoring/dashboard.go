package monitoring

import "encoding/json"

// The grid of a dashboard, and the size of a widget on it: three abreast.
const (
	gridWidth    = 24
	widgetWidth  = 8
	widgetHeight = 6
)

// body is a dashboard as CloudWatch stores it.
type body struct {
	Widgets []widget `json:"widgets"`
}

type widget struct {
	Type       string     `json:"type"`
	X          int        `json:"x"`
	Y          int        `json:"y"`
	Width      int        `json:"width"`
	Height     int        `json:"height"`
	Properties properties `json:"properties"`
}

type properties struct {
	Title   string   `json:"title"`
	View    string   `json:"view"`
	Stacked bool     `json:"stacked"`
	Region  string   `json:"region"`
	Period  int      `json:"period"` // seconds of a point
	Metrics []metric `json:"metrics"`
	YAxis   yAxis    `json:"yAxis"`
}

type yAxis struct {
	Left axis `json:"left"`
}

type axis struct {
	Min int `json:"min"`
}

// metric is a line of a chart.
type metric struct {
	namespace, name string
	dimensions      []dimension
	stat, label     string
}

type dimension struct{ name, value string }

// MarshalJSON writes a metric as CloudWatch wants it: namespace, name, the dimensions in turn, and how to show it.
func (m metric) MarshalJSON() ([]byte, error) {
	list := []any{m.namespace, m.name}
	for _, d := range m.dimensions {
		list = append(list, d.name, d.value)
	}
	return json.Marshal(append(list, struct {
		Stat  string `json:"stat"`
		Label string `json:"label"`
	}{m.stat, m.label}))
}

// dashboardBody returns the dashboard of a view as JSON.
func dashboardBody(v view) (string, error) {
	var b body
	for i, c := range v.charts() {
		perRow := gridWidth / widgetWidth
		b.Widgets = append(b.Widgets, widget{
			Type:   "metric",
			X:      i % perRow * widgetWidth,
			Y:      i / perRow * widgetHeight,
			Width:  widgetWidth,
			Height: widgetHeight,
			Properties: properties{
				Title: c.title, View: "timeSeries", Stacked: c.stacked, Region: v.region, Period: c.period, Metrics: c.metrics,
			},
		})
	}
	text, err := json.Marshal(b)
	return string(text), err
}
