package verify

import (
	"context"
	"fmt"

	"autodeeplab/dataset"
	"autodeeplab/evaluate"
	"autodeeplab/internal/imageio"
)

// DefaultLoss is how many points of mIoU the subject may lose.
const DefaultLoss = 0.5

// DataReport is what both sides score on labelled pictures, and how their labels agree there.
type DataReport struct {
	Images int `json:"images"`
	// SubjectMIoU and ReferenceMIoU are against the ground truth, 0 to 1.
	SubjectMIoU   float64 `json:"subject_miou"`
	ReferenceMIoU float64 `json:"reference_miou"`
	// Loss is by how many points of 100 the subject's is lower; Allowed how many it may be.
	Loss    float64 `json:"loss"`
	Allowed float64 `json:"allowed"`
	// Labels compares the two sides' labels with each other.
	Labels *LabelReport `json:"labels"`
	Agree  bool         `json:"agree"`
}

// Data evaluates both sides on the samples of a set as evaluate.Run does, at the same time, picture by picture. The
// subject may lose so many points of mIoU. That it loses more is no error, but in the report.
func Data(ctx context.Context, subject, reference *Side, set *dataset.Set, samples []dataset.Sample, o evaluate.Options, loss float64) (*DataReport, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	masks := make(chan *imageio.Mask)
	counts := newLabelCount()
	hand := o // of the reference: hands its masks over
	hand.Each = func(_ dataset.Sample, m *imageio.Mask) error {
		select {
		case masks <- m:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	take := o
	take.Each = func(s dataset.Sample, m *imageio.Mask) error {
		select {
		case want := <-masks:
			return counts.add(s.Name, m, want)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	take.Progress, hand.Progress = o.Progress, nil
	type outcome struct {
		r   *evaluate.Result
		err error
	}
	other := make(chan outcome, 1)
	go func() {
		r, err := score(ctx, reference, set, samples, hand)
		if err != nil {
			cancel(err)
		}
		other <- outcome{r, err}
	}()
	have, err := score(ctx, subject, set, samples, take)
	if err != nil {
		cancel(err)
	}
	want := <-other
	switch {
	case err != nil && context.Cause(ctx) != nil:
		return nil, context.Cause(ctx) // the first of the two errors
	case err != nil:
		return nil, err
	case want.err != nil:
		return nil, want.err
	}
	d := &DataReport{Images: have.Images, SubjectMIoU: have.MIoU, ReferenceMIoU: want.r.MIoU, Loss: 100 * (want.r.MIoU - have.MIoU), Allowed: loss, Labels: counts.report()}
	d.Agree = d.Loss <= loss
	return d, nil
}

func score(ctx context.Context, s *Side, set *dataset.Set, samples []dataset.Sample, o evaluate.Options) (*evaluate.Result, error) {
	session, err := s.Engine.LoadModel(s.Model, s.Options)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Name, err)
	}
	defer session.Close()
	r, err := evaluate.Run(ctx, session, set, samples, o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Name, err)
	}
	return r, nil
}
