//go:build oracle

package integration

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"autodeeplab/compile"
	"autodeeplab/onnx/tensor"
	"autodeeplab/runtime"
	"autodeeplab/runtime/onnxruntime"
)

// BenchmarkInference runs the published networks on the embedded engine and on ONNX Runtime by turns, and reports the
// median of each in milliseconds and how many times faster the embedded engine is. Weights are seeded; the batch
// statistics, on which speed does not depend, are those of an untrained network.
func BenchmarkInference(b *testing.B) {
	ort, err := onnxruntime.New()
	if err != nil {
		b.Fatal(err)
	}
	engines := []runtime.Engine{runtime.Embedded, ort}
	for _, size := range compile.Sizes {
		for _, side := range []int{257, 513} {
			model, err := compile.Inference(trainingForm(b, size.Filters, side, side, nil))
			if err != nil {
				b.Fatal(err)
			}
			image := map[string]*tensor.Tensor{"image": sample(b, side, side)}
			for _, threads := range []int{1, 2} {
				b.Run(fmt.Sprintf("%s/%d/threads%d", size.Name, side, threads), func(b *testing.B) {
					var sessions []runtime.Session
					for _, e := range engines {
						s, err := e.LoadModel(model, runtime.Options{Threads: threads})
						if err != nil {
							b.Fatal(err)
						}
						defer s.Close()
						sessions = append(sessions, s)
					}
					times := make([][]float64, len(sessions))
					turn := func(warm bool) {
						for i, s := range sessions {
							start := time.Now()
							if _, err := s.Run(context.Background(), image); err != nil {
								b.Fatal(err)
							}
							if !warm {
								times[i] = append(times[i], float64(time.Since(start).Microseconds())/1000)
							}
						}
					}
					turn(true)
					for b.Loop() {
						turn(false)
					}
					for i := range times {
						slices.Sort(times[i])
					}
					ours, theirs := times[0][len(times[0])/2], times[1][len(times[1])/2]
					b.ReportMetric(ours, "ms-runtime")
					b.ReportMetric(theirs, "ms-onnxruntime")
					b.ReportMetric(theirs/ours, "times-as-fast")
				})
			}
		}
	}
}
