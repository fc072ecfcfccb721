"""Work on a store as a whole, done by hand: put back, moved, thinned out, verified."""
