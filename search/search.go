package search

import (
	"context"
	"fmt"
	"math"
	"time"

	"autodeeplab/decode"
	"autodeeplab/internal/atomicfile"
	"autodeeplab/internal/kernel"
	"autodeeplab/internal/option"
	"autodeeplab/internal/sgd"
)

// Data is what a search learns from. Everything is a function of the arguments and of the data set alone, so that a
// search that was stopped goes on with the very same batches.
type Data interface {
	// Fingerprint identifies the data set, its scale and its halves.
	Fingerprint() string
	// Classes names the classes.
	Classes() []string
	// Steps is the number of whole batches in the smaller half of the training set.
	Steps(batch int) int
	// Batch fills a batch of square crops: image [3, N, crop, crop], labels [N, crop, crop].
	Batch(half Half, epoch, index, batch, crop int, image []float32, labels []uint8) error
	// Validation is the number of images of the validation set, and Whole gives one: image [3, 1, H, W], labels [H, W].
	Validation() int
	Whole(i int) (image []float32, labels []uint8, height, width int, err error)
}

// Half is one of the two disjoint halves of the training set (paper §4.2).
type Half int

const (
	HalfA Half = iota // trains the weights
	HalfB             // trains α and β
)

// Record is what is known after an epoch. Times are not in it: they differ from run to run.
type Record struct {
	Epoch        int     `json:"epoch"` // finished ones, from 1
	Loss         float64 `json:"loss"`  // mean over the steps on half A
	ArchLoss     float64 `json:"arch_loss,omitempty"`
	Cost         float64 `json:"cost,omitempty"` // expected cost relative to that of uniform α and β
	AlphaEntropy float64 `json:"alpha_entropy"`  // mean over edges, 1 for uniform ones
	BetaEntropy  float64 `json:"beta_entropy"`
	MIoU         float64 `json:"miou"` // −1 where no validation took place
	Skips        int     `json:"skips"`
	Stable       int     `json:"stable"` // epochs since the decoded cell or path last changed
	Cell         string  `json:"cell"`   // the decoded architecture, in short
	Path         []int   `json:"path"`
}

// runningSums are those of an epoch that is not finished.
type runningSums struct {
	Loss, ArchLoss, Cost float64
	Steps, ArchSteps     int
}

// Progress is told of a search as it goes on.
type Progress struct {
	// Step follows every step.
	Step func(StepInfo)
	// Validating follows every image of a validation.
	Validating func(done, all int)
	// Epoch follows every epoch.
	Epoch func(Record)
	// Warn is told what a user should look into.
	Warn func(string)
}

// StepInfo is what is known after a step.
type StepInfo struct {
	Epoch, Step, Steps int // counted from 0; Steps is the number in an epoch
	Loss, ArchLoss     float64
	Rate               float64
	Images             int // that the step looked at
	Took               time.Duration
}

// Search is a search at some point of its way.
type Search struct {
	state  state
	data   Data
	table  *CostTable
	pool   *kernel.Pool
	params *Parameters[float32]
	sgd    *SGD[float32]
	adam   *Adam[float32]
	nets   map[int]*Supernet[float32] // for training, by crop
	whole  map[[2]int]*Supernet[float32]
	batch  batch
}

type batch struct {
	image  []float32
	labels []uint8
}

// New prepares a search from its beginning. The classes of o are those of the data. threads is how many goroutines
// compute; the result does not depend on it.
func New(o Options, data Data, table *CostTable, threads int) (*Search, error) {
	o.Classes = len(data.Classes())
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if o.Cost == "latency" && table == nil {
		return nil, fmt.Errorf("--cost latency wants the latencies of this machine (--cost-table FILE; autodeeplab bench --table makes one)")
	}
	if data.Steps(o.Batch) < 1 {
		return nil, fmt.Errorf("half of the training set makes no batch of %d images, want at least one (--batch)", o.Batch)
	}
	p, err := NewParameters[float32](o.Space, o.Seed)
	if err != nil {
		return nil, err
	}
	s := &Search{data: data, table: table, pool: kernel.NewPool(threads), params: p,
		sgd: NewSGD(p, o.Momentum, o.Decay), adam: NewAdam(p, o.ArchRate, o.ArchDecay),
		nets: map[int]*Supernet[float32]{}, whole: map[[2]int]*Supernet[float32]{}}
	s.state = state{Options: o, Data: data.Fingerprint()}
	return s, nil
}

// Resume prepares a search to go on from a checkpoint. The options must be those it was begun with.
func Resume(path string, o Options, data Data, table *CostTable, threads int) (*Search, error) {
	c, err := kind.Read(path)
	if err != nil {
		return nil, err
	}
	if err := atomicfile.Sweep(path); err != nil { // of a search that was killed while it wrote
		return nil, err
	}
	o.Classes = len(data.Classes())
	st, err := readState(path, c)
	if err != nil {
		return nil, err
	}
	if name, got, want := option.Difference(st.Options, o); name != "" {
		return nil, fmt.Errorf("%s: the checkpoint was made with %s %v, want %v as now asked for (--%[2]s, or another --output)", path, name, got, want)
	}
	if st.Data != data.Fingerprint() {
		return nil, fmt.Errorf("%s: the checkpoint was made with another data set or scale", path)
	}
	s, err := New(o, data, table, threads)
	if err != nil {
		return nil, err
	}
	if err := c.Restore(s.tensors()); err != nil {
		s.Close()
		return nil, err
	}
	s.state, s.adam.Steps = *st, st.AdamSteps
	return s, nil
}

// Close releases what computes. The search cannot go on afterwards.
func (s *Search) Close() {
	for _, n := range s.nets {
		n.Close()
	}
	for _, n := range s.whole {
		n.Close()
	}
	s.pool.Close()
}

// Options gives what the search was begun with.
func (s *Search) Options() Options { return s.state.Options }

// History lists the finished epochs.
func (s *Search) History() []Record { return s.state.History }

// Finished reports whether the search has come to its end.
func (s *Search) Finished() bool { return s.state.Finished }

// Relaxation gives α and β as they stand, with what they come from.
func (s *Search) Relaxation() *decode.Relaxation {
	r := s.params.Relaxation()
	r.Info = relaxationInfo(&s.state)
	return r
}

// Checkpoint writes everything that Resume needs to the file at path, whole or not at all.
func (s *Search) Checkpoint(path string) error {
	s.state.AdamSteps = s.adam.Steps
	return kind.Write(path, &s.state, s.tensors())
}

// Run goes on to the end of the search. After save has been called it may be resumed from there: Run calls it after every
// epoch, at the end, whenever every has passed since it did so last, and when ctx is cancelled, whose error it then
// returns.
func (s *Search) Run(ctx context.Context, progress Progress, every time.Duration, save func() error) error {
	o := &s.state.Options
	saved := time.Now()
	for !s.state.Finished {
		steps := s.data.Steps(o.Batch)
		for s.state.Step < steps {
			if err := ctx.Err(); err != nil {
				if e := save(); e != nil {
					return e
				}
				return err
			}
			if err := s.step(steps, progress); err != nil {
				return err
			}
			if time.Since(saved) >= every {
				if err := save(); err != nil {
					return err
				}
				saved = time.Now()
			}
		}
		if err := s.endEpoch(ctx, progress); err != nil {
			if ctx.Err() != nil { // the epoch's validation was broken off: it is done again after a resume
				if e := save(); e != nil {
					return e
				}
			}
			return err
		}
		if err := save(); err != nil {
			return err
		}
		saved = time.Now()
	}
	return nil
}

// step is one step on half A and, from ArchEpoch on, one on half B.
func (s *Search) step(steps int, progress Progress) error {
	o, began := &s.state.Options, time.Now()
	epoch, index := s.state.Epoch, s.state.Step
	crop := o.Crops[(epoch*steps+index)%len(o.Crops)]
	net, err := s.net(crop)
	if err != nil {
		return err
	}
	done := float64(epoch*steps+index) / float64(o.Epochs*steps)
	info := StepInfo{Epoch: epoch, Step: index, Steps: steps, Images: o.Batch, Rate: Cosine(o.Rate, o.LastRate, done)}

	if info.Loss, err = s.pass(net, StepWeights, HalfA, crop); err != nil {
		return err
	}
	s.state.Sums.Loss += info.Loss
	factor := sgd.ClipFactor(GradientNorm(s.pool, s.params, net.Gradient), o.Clip)
	s.sgd.Step(s.pool, s.params, net.Gradient, info.Rate, factor)

	if epoch >= o.ArchEpoch {
		if info.ArchLoss, err = s.pass(net, StepArchitecture, HalfB, crop); err != nil {
			return err
		}
		s.state.Sums.ArchLoss += info.ArchLoss
		s.state.Sums.Cost += net.Cost()
		s.state.Sums.ArchSteps++
		s.adam.Step(s.params, net.Gradient)
		info.Images += o.Batch
	}
	s.state.Sums.Steps++
	s.state.Step++
	info.Took = time.Since(began)
	if progress.Step != nil {
		progress.Step(info)
	}
	return nil
}

func (s *Search) pass(net *Supernet[float32], mode Mode, half Half, crop int) (float64, error) {
	o := &s.state.Options
	n := o.Batch * crop * crop
	if cap(s.batch.labels) < n {
		s.batch = batch{make([]float32, 3*n), make([]uint8, n)}
	}
	image, labels := s.batch.image[:3*n], s.batch.labels[:n]
	if err := s.data.Batch(half, s.state.Epoch, s.state.Step, o.Batch, crop, image, labels); err != nil {
		return 0, err
	}
	loss, err := net.Step(mode, o.NormMomentum, image, labels)
	if err != nil {
		return 0, err
	}
	if math.IsNaN(loss) || math.IsInf(loss, 0) {
		return 0, fmt.Errorf("the loss became %v at epoch %d, step %d: a smaller learning rate may help (--rate, --arch-rate)", loss, s.state.Epoch+1, s.state.Step+1)
	}
	return loss, nil
}

// net gives the graph for a crop.
func (s *Search) net(crop int) (*Supernet[float32], error) {
	if n := s.nets[crop]; n != nil {
		return n, nil
	}
	o := &s.state.Options
	n, err := NewSupernet(s.params, SupernetOptions{Batch: o.Batch, Height: crop, Width: crop, Training: true,
		Cost: o.Cost, CostWeight: o.CostWeight, CostTable: s.table}, s.pool)
	if err == nil {
		s.nets[crop] = n
	}
	return n, err
}

// endEpoch validates, writes the epoch's record and decides whether the search is over.
func (s *Search) endEpoch(ctx context.Context, progress Progress) error {
	o, sums := &s.state.Options, s.state.Sums
	r := Record{Epoch: s.state.Epoch + 1, Loss: sums.Loss / float64(sums.Steps), MIoU: -1}
	if sums.ArchSteps > 0 {
		r.ArchLoss, r.Cost = sums.ArchLoss/float64(sums.ArchSteps), sums.Cost/float64(sums.ArchSteps)
	}
	if err := s.describe(&r); err != nil {
		return err
	}
	last := r.Epoch >= o.Epochs || s.stops(r)
	if last || o.ValidateEvery > 0 && r.Epoch%o.ValidateEvery == 0 {
		var err error
		if r.MIoU, err = s.validate(ctx, progress); err != nil {
			return err
		}
	}
	s.state.History = append(s.state.History, r)
	s.state.Epoch, s.state.Step, s.state.Sums, s.state.Finished = r.Epoch, 0, runningSums{}, last
	s.warn(r, progress)
	if progress.Epoch != nil {
		progress.Epoch(r)
	}
	return nil
}
