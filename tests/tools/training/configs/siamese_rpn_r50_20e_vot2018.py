# What MMTracking 0.14's file of this name changes, (c) OpenMMLab, Apache-2.0; the wording is the tests'.
_base_ = ['./siamese_rpn_r50_20e_lasot.py']

model = dict(test_cfg=dict(rpn=dict(penalty_k=0.04, window_influence=0.44, lr=0.33), test_mode='VOT'))
data = dict(
    val=dict(
        type='VOTDataset',
        dataset_type='vot2018',
        ann_file='data/vot2018/annotations/vot2018_infos.txt',
        img_prefix='data/vot2018'))
evaluation = dict(save_best='eao')
