# What MMTracking 0.14's file of this name changes, (c) OpenMMLab, Apache-2.0; the wording is the tests'.
_base_ = ['./siamese_rpn_r50_20e_lasot.py']

optimizer_config = dict(type='SiameseRPNFp16OptimizerHook')
fp16 = dict(loss_scale=512.)
