package search

import (
	"fmt"
	"unicode"
	"unicode/utf8"

	"autodeeplab/internal/statefile"
)

// kind marks the checkpoints of searches.
var kind = statefile.Kind{Format: "autodeeplab.search", Version: 1, Of: "a search"}

// state is the part of a checkpoint that is no tensor. There is no random generator in it: every random number of a
// search is a function of the seed and of where it is used.
type state struct {
	Options   Options     `json:"options"`
	Data      string      `json:"data"`       // fingerprint of the data set
	Epoch     int         `json:"epoch"`      // epochs finished
	Step      int         `json:"step"`       // steps finished of the epoch after those
	AdamSteps int         `json:"adam_steps"` // steps of α and β
	Sums      runningSums `json:"sums"`       // of the epoch so far
	History   []Record    `json:"history"`
	Finished  bool        `json:"finished"`
}

// tensors lists all tensors of a search by the names they have in a checkpoint.
func (s *Search) tensors() []statefile.Tensor {
	var list []statefile.Tensor
	add := func(name string, shape []int, data []float32) {
		list = append(list, statefile.Tensor{Name: name, Shape: shape, Data: data})
	}
	for i, w := range s.params.Weights {
		add("weights/"+w.Name, w.Shape, w.Data)
		add("velocity/"+w.Name, w.Shape, s.sgd.Velocity[i])
	}
	for i, a := range []*Parameter[float32]{s.params.Alpha, s.params.Beta} {
		add(a.Name, a.Shape, a.Data)
		add("adam/first/"+a.Name, a.Shape, s.adam.First[i])
		add("adam/second/"+a.Name, a.Shape, s.adam.Second[i])
	}
	for _, m := range s.params.Moments {
		add("moments/mean/"+m.Name, []int{len(m.Mean)}, m.Mean)
		add("moments/variance/"+m.Name, []int{len(m.Variance)}, m.Variance)
	}
	return list
}

// readState gives a file's state if a search can have written it: its checksum keeps out damage, not somebody who makes
// files.
func readState(path string, f *statefile.File) (*state, error) {
	s := new(state)
	if err := f.State(s); err != nil {
		return nil, err
	}
	if err := s.validate(); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", path, statefile.ErrDamaged, err)
	}
	return s, nil
}

func (s *state) validate() error {
	o := &s.Options
	if err := o.Validate(); err != nil {
		return err
	}
	switch {
	case s.Epoch < 0 || s.Epoch > o.Epochs || s.Epoch != len(s.History):
		return fmt.Errorf("%d epochs of %d are finished, and %d are recorded", s.Epoch, o.Epochs, len(s.History))
	case s.Finished && s.Epoch == 0:
		return fmt.Errorf("it is finished without an epoch")
	case s.Step < 0 || s.Sums.Steps != s.Step || s.Sums.ArchSteps < 0 || s.Sums.ArchSteps > s.Step || s.AdamSteps < s.Sums.ArchSteps:
		return fmt.Errorf("%d steps are finished, and %d, %d and %d are counted", s.Step, s.Sums.Steps, s.Sums.ArchSteps, s.AdamSteps)
	case !printable(s.Data):
		return fmt.Errorf("the fingerprint of its data set is %.40q", s.Data)
	}
	for i := range s.History {
		if err := s.History[i].validate(i+1, o); err != nil {
			return fmt.Errorf("the record of epoch %d: %w", i+1, err)
		}
	}
	return nil
}

func (r *Record) validate(epoch int, o *Options) error {
	if r.Epoch != epoch || r.Skips < 0 || r.Stable < 0 {
		return fmt.Errorf("epoch %d, %d skip connections, %d stable epochs", r.Epoch, r.Skips, r.Stable)
	}
	if !printable(r.Cell) {
		return fmt.Errorf("the cell is %.40q", r.Cell)
	}
	if len(r.Path) != o.Layers {
		return fmt.Errorf("a path of %d layers, want %d", len(r.Path), o.Layers)
	}
	for _, k := range r.Path {
		if k < 0 || k >= o.Levels {
			return fmt.Errorf("a path through level %d, want 0 to %d", k, o.Levels-1)
		}
	}
	return nil
}

// maxStateText is how long a text in a state may be.
const maxStateText = 1 << 14

// printable reports whether a text may stand in a log, on a terminal and in a page.
func printable(s string) bool {
	if len(s) > maxStateText || !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if !unicode.IsPrint(r) {
			return false
		}
	}
	return true
}
