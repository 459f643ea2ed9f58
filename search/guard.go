package search

import (
	"fmt"
	"slices"

	"autodeeplab/decode"
)

// describe fills in what α and β say.
func (s *Search) describe(r *Record) error {
	d, err := s.params.Relaxation().Decode(decode.DecodeOptions{})
	if err != nil {
		return fmt.Errorf("cannot decode epoch %d: %w", r.Epoch, err)
	}
	a := d.Architecture
	r.AlphaEntropy, r.BetaEntropy = d.AlphaEntropy, d.BetaEntropy
	r.Path = slices.Clone(a.Path)
	for i, block := range a.Cell {
		if i > 0 {
			r.Cell += "; "
		}
		for j, b := range block {
			if b.Op == decode.SkipConnect {
				r.Skips++
			}
			if j > 0 {
				r.Cell += " + "
			}
			r.Cell += fmt.Sprintf("%v(%d)", b.Op, b.Input)
		}
	}
	if h := s.state.History; len(h) > 0 {
		if last := h[len(h)-1]; last.Cell == r.Cell && slices.Equal(last.Path, r.Path) {
			r.Stable = last.Stable + 1
		}
	}
	return nil
}

// searching reports whether α and β have been trained long enough to be judged at the end of an epoch.
func (s *Search) searching(epoch int) bool { return epoch > s.state.Options.ArchEpoch }

// stops says whether a criterion of early stopping is met.
//
// StopStable is DARTS+'s second thought: the search is over once the ranking that decoding depends on has not changed
// for a number of epochs (Liang et al. 2019, arXiv:1909.06035, §3.3). StopEntropy is the sharpness of the relaxation
// itself: discretising loses little once the mixtures are nearly one-hot (Tian et al. 2020, Discretization-aware
// architecture search, arXiv:2007.03154, which makes that entropy a loss).
func (s *Search) stops(r Record) bool {
	o := &s.state.Options
	if !s.searching(r.Epoch) {
		return false
	}
	return o.StopEntropy > 0 && r.AlphaEntropy <= o.StopEntropy || o.StopStable > 0 && r.Stable >= o.StopStable
}

// tooManySkips is when a cell counts as collapsed: half of its branches are skip connections, the way in which
// differentiable search is known to fail when it goes on too long (Liang et al. 2019; Chu et al. 2020, arXiv:1911.12126).
func tooManySkips(skips, blocks int) bool { return skips >= blocks && skips >= 2 }

// warn tells of signs that the search is going wrong.
func (s *Search) warn(r Record, progress Progress) {
	o := &s.state.Options
	if progress.Warn == nil || !s.searching(r.Epoch) {
		return
	}
	if tooManySkips(r.Skips, o.Blocks) {
		progress.Warn(fmt.Sprintf("%d of the cell's %d branches are skip connections: the cell may be collapsing; an earlier end helps (--stop-stable, fewer --epochs, lower --arch-rate)", r.Skips, 2*o.Blocks))
	}
}
