"""Front ends: how sound becomes what a network hears. One code for training, for whole files and for live sound."""
