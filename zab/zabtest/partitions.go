package zabtest

import "math/rand/v2"

// Partitions are the cut links of a network of n servers, for simulators of more than the core. Servers are numbered from 0.
type Partitions struct{ w network }

// NewPartitions makes a network in which all reach all.
func NewPartitions(n int) *Partitions { return &Partitions{newNetwork(n)} }

// Draw cuts links in one of the ways that hurt (two sides, bridge, chain, ring, star, deaf, mute, one direction of one link) and says which.
func (p *Partitions) Draw(r *rand.Rand) string { return p.w.draw(r) }

// Heal joins all links.
func (p *Partitions) Heal() { p.w.heal() }

// Cut says whether nothing passes in this direction.
func (p *Partitions) Cut(from, to int) bool { return p.w.cut[from][to] }
