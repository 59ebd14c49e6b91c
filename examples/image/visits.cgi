#!/bin/sh
# One line in a file of the volume for each visitor: an append needs no lock.
printf 'Content-Type: text/plain\r\n\r\n'
date >>/data/visits
wc -l </data/visits
