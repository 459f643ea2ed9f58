package main

import (
	"fmt"

	"autodeeplab/compile"
	"autodeeplab/dataset"
)

// findClasses settles what the labels mean: the data set of the command line, else what the model's metadata say, else
// numbers. count is the number of classes that the logits have, 0 where that is not known.
func (n *network) findClasses(count int) error {
	if n.classes == nil {
		c, err := fromMetadata(n.Session.Metadata(), count)
		if err != nil {
			return err
		}
		n.classes = c
	}
	if count > 0 && n.classes.Len() != count {
		return fmt.Errorf("the model has %d classes, but the %d names are for another set (--dataset)", count, n.classes.Len())
	}
	return nil
}

func fromMetadata(metadata map[string]string, count int) (*dataset.Classes, error) {
	names, palette, err := compile.Classes(metadata)
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		if count == 0 {
			count = dataset.MaxClasses
		}
		return dataset.Generic(count)
	}
	c, err := dataset.Generic(len(names))
	if err != nil {
		return nil, err
	}
	c.Name, c.ClassNames = metadata[compile.KeyDataset], names
	if known, err := dataset.ByName(c.Name); err == nil {
		c.IgnoreLabel, c.IgnoreColour = known.IgnoreLabel, known.IgnoreColour
	}
	if len(palette) == len(names) {
		c.Palette = palette
	}
	return c, nil
}
