package train

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"autodeeplab/internal/statefile"
	"autodeeplab/onnx"
)

// kind marks the checkpoints of trainings.
var kind = statefile.Kind{Format: "autodeeplab.train", Version: 1, Of: "a training"}

// state is the part of a checkpoint that is no tensor. As in a search there is no random generator in it.
type state struct {
	Options      Options           `json:"options"`
	Data         string            `json:"data"`                    // fingerprint of the data set
	Model        string            `json:"model"`                   // digest of the graph without its weights
	Metadata     map[string]string `json:"metadata"`                // of the model
	ClassWeights []float64         `json:"class_weights,omitempty"` // what Options.ClassWeights came to
	Epoch        int               `json:"epoch"`                   // epochs finished
	Step         int               `json:"step"`                    // steps finished of the epoch after those
	Sums         runningSums       `json:"sums"`                    // of the epoch so far
	History      []Record          `json:"history"`
	Best         int               `json:"best,omitempty"` // the epoch with the highest mIoU, the first of equals; 0 before any
	Finished     bool              `json:"finished"`
}

// runningSums are those of an epoch that is not finished.
type runningSums struct {
	Loss, Norm float64
	Steps      int
}

// The names of a checkpoint's tensors begin with what they are.
const (
	weightsPrefix  = "weights/"
	velocityPrefix = "velocity/"
	meanPrefix     = "moments/"
	averagePrefix  = "average/"
)

// tensors lists all tensors of a training by the names they have in a checkpoint: those of the model's initializers behind
// a prefix.
func (t *Trainer) tensors() []statefile.Tensor {
	var list []statefile.Tensor
	add := func(name string, shape []int, data []float32) {
		list = append(list, statefile.Tensor{Name: name, Shape: shape, Data: data})
	}
	for i, v := range t.values {
		add(v.prefix+v.name, v.shape, v.data)
		if i < len(t.velocity) {
			add(velocityPrefix+v.name, v.shape, t.velocity[i])
		}
		if t.average != nil {
			add(averagePrefix+v.name, v.shape, t.average[i])
		}
	}
	return list
}

// digestModel identifies a graph: its nodes, its input and output, and the names and shapes of its initializers.
func digestModel(m *onnx.Model) (string, error) {
	h, g := sha256.New(), m.GetGraph()
	var parts []proto.Message
	for _, v := range append(slices.Clone(g.GetInput()), g.GetOutput()...) {
		parts = append(parts, v)
	}
	for _, n := range g.GetNode() {
		parts = append(parts, n)
	}
	for _, p := range parts {
		text, err := proto.MarshalOptions{Deterministic: true}.Marshal(p)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%d\n%s\n", len(text), text)
	}
	for _, t := range g.GetInitializer() {
		fmt.Fprintf(h, "%q %d %v\n", t.GetName(), t.GetDataType(), t.GetDims())
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// readState gives a file's state if a training can have written it: its checksum keeps out damage, not somebody who makes
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

// maxMetadata is how many entries a model's metadata may have in a checkpoint.
const maxMetadata = 1000

// maxClasses is how many classes labels of one byte can tell apart.
const maxClasses = 255

func (s *state) validate() error {
	o := &s.Options
	if err := o.Validate(); err != nil {
		return err
	}
	switch {
	case s.Epoch < 0 || s.Epoch > o.Epochs || s.Epoch != len(s.History):
		return fmt.Errorf("%d epochs of %d are finished, and %d are recorded", s.Epoch, o.Epochs, len(s.History))
	case s.Finished != (s.Epoch == o.Epochs):
		return fmt.Errorf("finished is %v after %d epochs of %d", s.Finished, s.Epoch, o.Epochs)
	case s.Step < 0 || s.Sums.Steps != s.Step:
		return fmt.Errorf("%d steps are finished, and %d are counted", s.Step, s.Sums.Steps)
	case s.Best < 0 || s.Best > s.Epoch || s.Best > 0 && s.History[s.Best-1].MIoU < 0:
		return fmt.Errorf("the best epoch is %d of %d", s.Best, s.Epoch)
	case len(s.Metadata) > maxMetadata:
		return fmt.Errorf("%d entries of metadata, want at most %d", len(s.Metadata), maxMetadata)
	case len(s.ClassWeights) > maxClasses:
		return fmt.Errorf("%d class weights, want at most %d", len(s.ClassWeights), maxClasses)
	}
	for i, r := range s.History {
		if r.Epoch != i+1 || len(r.IoU) > maxClasses {
			return fmt.Errorf("record %d is of epoch %d, with %d classes", i+1, r.Epoch, len(r.IoU))
		}
	}
	return nil
}
