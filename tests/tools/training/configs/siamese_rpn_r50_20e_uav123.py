# What MMTracking 0.14's file of this name changes, (c) OpenMMLab, Apache-2.0; the wording is the tests'.
_base_ = ['./siamese_rpn_r50_20e_lasot.py']

model = dict(test_cfg=dict(rpn=dict(penalty_k=0.1, window_influence=0.1, lr=0.5)))
data = dict(
    val=dict(
        type='UAV123Dataset',
        ann_file='data/UAV123/annotations/uav123_infos.txt',
        img_prefix='data/UAV123',
        only_eval_visible=False))
