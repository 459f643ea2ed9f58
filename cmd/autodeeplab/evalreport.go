package main

import (
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"autodeeplab/dataset"
	"autodeeplab/evaluate"
	"autodeeplab/onnx"
)

// evaluation is what eval prints and writes. Shares are 0 to 1, null where nothing decides them.
type evaluation struct {
	Model   string `json:"model"`
	Engine  string `json:"engine"`
	Data    string `json:"data"`
	Layout  string `json:"layout"`
	Split   string `json:"split"`
	Dataset string `json:"dataset,omitempty"` // the name of its classes
	Images  int    `json:"images"`
	Views   struct {
		Scales  []float64 `json:"scales"`
		Flip    bool      `json:"flip"`
		Fit     string    `json:"fit"`
		Window  *[2]int   `json:"window"` // height, width; null: whole pictures
		Overlap float64   `json:"overlap"`
	} `json:"views"`

	MIoU                 share    `json:"miou"`
	PixelAccuracy        share    `json:"pixel_accuracy"`
	MeanAccuracy         share    `json:"mean_accuracy"`
	FrequencyWeightedIoU share    `json:"frequency_weighted_iou"`
	BoundaryF            share    `json:"boundary_f"`
	BoundaryTolerance    float64  `json:"boundary_tolerance"` // share of the diagonal; 0: boundary_f was not measured
	Absent               []string `json:"absent"`             // classes without a pixel in the labels: left out of means

	Classes   []classResult `json:"classes"`
	Confusion [][]int64     `json:"confusion"` // pixels by label, then prediction
}

type classResult struct {
	ID        int    `json:"id"`
	Name      string `json:"name"`
	IoU       share  `json:"iou"`
	Accuracy  share  `json:"accuracy"`
	BoundaryF share  `json:"boundary_f"`
	Pixels    int64  `json:"pixels"`    // in the labels
	Predicted int64  `json:"predicted"` // of the pixels that count
}

// share is a number that may be missing (NaN).
type share float64

func (s share) MarshalJSON() ([]byte, error) {
	if math.IsNaN(float64(s)) {
		return []byte("null"), nil
	}
	return fmt.Appendf(nil, "%.9g", float64(s)), nil
}

func (s *share) UnmarshalJSON(text []byte) error {
	*s = share(math.NaN())
	if string(text) == "null" {
		return nil
	}
	_, err := fmt.Sscan(string(text), (*float64)(s))
	return err
}

func (s share) String() string {
	if math.IsNaN(float64(s)) {
		return "–"
	}
	return fmt.Sprintf("%.2f %%", 100*float64(s))
}

func newEvaluation(n *network, set *dataset.Set, o *evalOptions, r *evaluate.Result) *evaluation {
	e := &evaluation{
		Model: n.path, Engine: n.engine, Data: o.data.folder, Layout: set.Layout, Split: o.split, Dataset: set.Classes.Name, Images: r.Images,
		MIoU: share(r.MIoU), PixelAccuracy: share(r.PixelAccuracy), MeanAccuracy: share(r.MeanAccuracy), FrequencyWeightedIoU: share(r.FrequencyWeightedIoU),
		BoundaryF: share(r.MeanBoundaryF), BoundaryTolerance: o.tolerance, Absent: []string{},
	}
	e.Views.Scales, e.Views.Flip, e.Views.Fit, e.Views.Overlap = o.scales, o.flip, o.fit, o.overlap
	if len(o.scales) == 0 {
		e.Views.Scales = []float64{1}
	}
	if h, w := max(n.Height, o.window.height), max(n.Width, o.window.width); h != 0 && w != 0 {
		e.Views.Window = &[2]int{h, w}
	}
	for _, k := range r.Absent {
		e.Absent = append(e.Absent, set.Classes.ClassNames[k])
	}
	for k, name := range set.Classes.ClassNames {
		c := classResult{ID: k, Name: name, IoU: share(r.IoU[k]), BoundaryF: share(math.NaN())}
		row := make([]int64, len(r.IoU))
		for other := range row {
			row[other] = r.Confusion.Count(k, other)
			c.Pixels += row[other]
			c.Predicted += r.Confusion.Count(other, k)
		}
		c.Accuracy = share(float64(r.Confusion.Count(k, k)) / float64(c.Pixels))
		if r.BoundaryF != nil {
			c.BoundaryF = share(r.BoundaryF[k])
		}
		e.Classes, e.Confusion = append(e.Classes, c), append(e.Confusion, row)
	}
	return e
}

// views says how pictures were seen.
func (e *evaluation) views() string {
	var parts []string
	if len(e.Views.Scales) > 1 || e.Views.Scales[0] != 1 {
		s := scalesFlag(e.Views.Scales)
		parts = append(parts, "scales "+s.String())
	}
	if e.Views.Flip {
		parts = append(parts, "flipped, too")
	}
	switch w := e.Views.Window; {
	case e.Views.Fit == "shrink":
		parts = append(parts, "shrunk to fit")
	case w != nil:
		parts = append(parts, fmt.Sprintf("windows of %dx%d, overlap %g", w[0], w[1], e.Views.Overlap))
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, "; ") + ")"
}

func (e *evaluation) print(a *app) {
	width, all := len("class"), int64(0)
	for _, c := range e.Classes {
		width = max(width, utf8.RuneCountInString(onnx.Printable(c.Name)))
		all += c.Pixels
	}
	pad := func(name string) string {
		return name + strings.Repeat(" ", width-utf8.RuneCountInString(name))
	}
	a.printf("%s, %s of %s%s\n\n", e.Model, e.Split, e.Data, e.views())
	a.printf("%s %10s %10s %10s %10s\n", pad("class"), "IoU", "accuracy", "boundary F", "pixels")
	for _, c := range e.Classes {
		a.printf("%s %10s %10s %10s %10s\n", pad(onnx.Printable(c.Name)), c.IoU.String(), c.Accuracy.String(), c.BoundaryF.String(), share(float64(c.Pixels)/float64(all)).String())
	}
	a.printf("\n")
	left := ""
	if len(e.Absent) > 0 {
		left = fmt.Sprintf("  over %d of %d classes: the labels have no %s", len(e.Classes)-len(e.Absent), len(e.Classes), strings.Join(e.Absent, ", "))
	}
	a.printf("mIoU                    %10s%s\n", e.MIoU.String(), left)
	a.printf("pixel accuracy          %10s\n", e.PixelAccuracy.String())
	a.printf("mean accuracy           %10s\n", e.MeanAccuracy.String())
	a.printf("frequency-weighted IoU  %10s\n", e.FrequencyWeightedIoU.String())
	if e.BoundaryTolerance > 0 {
		a.printf("boundary F              %10s  within %g %% of the diagonal\n", e.BoundaryF.String(), 100*e.BoundaryTolerance)
	}
}
