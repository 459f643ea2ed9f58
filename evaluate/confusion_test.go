package evaluate_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"autodeeplab/evaluate"
)

// TestMetrics compares every metric with scikit-learn's (testdata/make.py), for masks added in two parts.
func TestMetrics(t *testing.T) {
	var cases []struct {
		Classes, Ignore              int
		Confusion                    [][]int64
		IoU                          []*float64
		Truth, Prediction, Absent    []int
		MIoU, Pixel, Mean, Frequency float64
	}
	readJSON(t, "testdata/metrics.json", &cases)
	for i, c := range cases {
		truth, prediction := labels(c.Truth), labels(c.Prediction)
		m, second := evaluate.NewConfusion(c.Classes), evaluate.NewConfusion(c.Classes)
		cut := len(truth) / 3
		if err := m.Add(prediction[:cut], truth[:cut], uint8(c.Ignore)); err != nil {
			t.Fatal(err)
		}
		if err := second.Add(prediction[cut:], truth[cut:], uint8(c.Ignore)); err != nil {
			t.Fatal(err)
		}
		if err := m.Merge(second); err != nil {
			t.Fatal(err)
		}
		for _, f := range []struct {
			name      string
			got, want float64
		}{
			{"mIoU", m.MeanIoU(), c.MIoU}, {"pixel accuracy", m.PixelAccuracy(), c.Pixel},
			{"mean accuracy", m.MeanAccuracy(), c.Mean}, {"frequency-weighted IoU", m.FrequencyWeightedIoU(), c.Frequency},
		} {
			if math.Abs(f.got-f.want) > 1e-12 {
				t.Errorf("case %d: %s %v, scikit-learn has %v", i, f.name, f.got, f.want)
			}
		}
		for k, iou := range m.IoU() {
			if want := c.IoU[k]; (want == nil) != math.IsNaN(iou) || want != nil && math.Abs(iou-*want) > 1e-12 {
				t.Errorf("case %d: IoU of class %d is %v", i, k, iou)
			}
			for other, want := range c.Confusion[k] {
				if got := m.Count(k, other); got != want {
					t.Errorf("case %d: %d pixels of %d taken for %d, scikit-learn has %d", i, got, k, other, want)
				}
			}
		}
		if !slices.Equal(m.Absent(), c.Absent) {
			t.Errorf("case %d: absent %v, want %v", i, m.Absent(), c.Absent)
		}
	}
}

func TestConfusionErrors(t *testing.T) {
	for _, c := range []struct {
		prediction, truth []uint8
		want              string
	}{
		{[]uint8{0}, []uint8{0, 1}, "1 predictions for 2 pixels"},
		{[]uint8{0, 0}, []uint8{0, 3}, "label 3 at pixel 1, want less than 2 or 255"},
		{[]uint8{0, 2}, []uint8{0, 1}, "prediction 2 at pixel 1, want less than 2"},
	} {
		m := evaluate.NewConfusion(2)
		if err := m.Add(c.prediction, c.truth, 255); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want %q", err, c.want)
		}
		if m.Count(0, 0) != 0 {
			t.Error("something was counted")
		}
	}
	if err := evaluate.NewConfusion(2).Merge(evaluate.NewConfusion(3)); err == nil {
		t.Error("matrices of different sizes are merged")
	}
	if v := evaluate.NewConfusion(2).MeanIoU(); !math.IsNaN(v) {
		t.Errorf("mIoU of nothing is %v", v)
	}
}

func ExampleConfusion() {
	m := evaluate.NewConfusion(3)
	_ = m.Add([]uint8{0, 0, 1, 1}, []uint8{0, 1, 1, 255}, 255)
	fmt.Printf("mIoU %.2f, absent %v\n", m.MeanIoU(), m.Absent())
	// Output: mIoU 0.50, absent [2]
}
