package search

import "autodeeplab/internal/statefile"

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
