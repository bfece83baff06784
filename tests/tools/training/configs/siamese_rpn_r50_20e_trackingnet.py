# What MMTracking 0.14's file of this name changes, (c) OpenMMLab, Apache-2.0; the wording is the tests'.
_base_ = ['./siamese_rpn_r50_20e_lasot.py']

data = dict(
    test=dict(
        type='TrackingNetDataset',
        ann_file='data/trackingnet/annotations/trackingnet_test_infos.txt',
        img_prefix='data/trackingnet'))
