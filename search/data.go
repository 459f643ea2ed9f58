package search

import "autodeeplab/dataset"

// FolderData is a data set in a folder, as New wants it.
type FolderData struct{ sampler *dataset.Sampler }

// NewFolderData reads and checks a set for a search: its images at o.Scale, its training set in halves. progress, if not
// nil, is told how many files have been read.
func NewFolderData(set *dataset.Set, o Options, threads int, progress func(done, all int)) (*FolderData, error) {
	largest := 0
	for _, c := range o.Crops {
		largest = max(largest, c)
	}
	s, err := dataset.NewSampler(set, dataset.SamplerOptions{Scale: o.Scale, Seed: o.Seed, Augment: o.Augment, Halve: true,
		LargestCrop: largest, Threads: threads, Progress: progress})
	if err != nil {
		return nil, err
	}
	return &FolderData{s}, nil
}

// Fingerprint, Classes, Steps, Batch, Validation and Whole make FolderData a Data.

func (d *FolderData) Fingerprint() string { return d.sampler.Fingerprint() }
func (d *FolderData) Classes() []string   { return d.sampler.ClassNames() }
func (d *FolderData) Validation() int     { return d.sampler.Validation() }

func (d *FolderData) Steps(batch int) int {
	return min(len(d.sampler.Half(0)), len(d.sampler.Half(1))) / batch
}

func (d *FolderData) Batch(half Half, epoch, index, batch, crop int, image []float32, labels []uint8) error {
	return d.sampler.Batch(int(half), epoch, index, batch, crop, image, labels)
}

func (d *FolderData) Whole(i int) (image []float32, labels []uint8, height, width int, err error) {
	return d.sampler.Whole(i)
}
